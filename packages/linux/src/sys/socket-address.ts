const AF_UNIX = 1
const AF_INET = 2
const AF_INET6 = 10

/** A `sockaddr_un`. @throws RangeError when the path needs more than 107 bytes */
export function unixAddress(path: string): Uint8Array {
  const bytes = Buffer.from(path)
  if (bytes.length > 107) throw new RangeError(`The socket path "${path}" is longer than 107 bytes`)
  const address = new Uint8Array(2 + bytes.length + 1)
  family(address, AF_UNIX)
  address.set(bytes, 2)
  return address
}

/** A `sockaddr_in` or `sockaddr_in6`, by the form of the address. @throws RangeError when it is not an IP address */
export function internetAddress(host: string, port: number): { readonly family: number; readonly bytes: Uint8Array } {
  const address = addressBytes(host)
  const six = address.family === AF_INET6
  const bytes = new Uint8Array(six ? 28 : 16)
  family(bytes, address.family)
  bytes[2] = port >> 8
  bytes[3] = port & 0xff
  bytes.set(address.bytes, six ? 8 : 4)
  return { family: address.family, bytes }
}

/** An IP address as the 4 or 16 bytes that the network carries. @throws RangeError when it is not an IP address */
export function addressBytes(host: string): { readonly family: number; readonly bytes: Uint8Array } {
  const six = host.includes(':')
  const numbers = six ? groups(host) : host.split('.').map(Number)
  if (
    numbers.length !== (six ? 16 : 4) ||
    !numbers.every((each) => Number.isInteger(each) && each >= 0 && each < 256)
  ) {
    throw new RangeError(`"${host}" is not an IP address`)
  }
  return { family: six ? AF_INET6 : AF_INET, bytes: Uint8Array.from(numbers) }
}

function groups(host: string): readonly number[] {
  const [head = '', tail] = host.split('::')
  const first = bytesOf(head)
  const last = tail === undefined ? [] : bytesOf(tail)
  const missing = tail === undefined ? 0 : Math.max(0, 16 - first.length - last.length)
  return [...first, ...Array<number>(missing).fill(0), ...last]
}

function bytesOf(text: string): readonly number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff])
}

// The family is in the machine's own byte order.
function family(address: Uint8Array, value: number): void {
  address.set(new Uint8Array(new Uint16Array([value]).buffer), 0)
}
