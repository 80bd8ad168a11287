/** Does something with each of some items, so many at a time. The first failure is thrown when all lanes have come to an end. */
export async function inLanes<T>(
  lanes: number,
  items: Iterable<T>,
  what: (item: T) => Promise<unknown>,
): Promise<void> {
  const waiting = Iterator.from(items)
  const lane = async (): Promise<void> => {
    for (const item of waiting) await what(item)
  }
  const ends = await Promise.allSettled(Array.from({ length: lanes }, lane))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}
