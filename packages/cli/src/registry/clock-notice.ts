/** Says that ages are not reckoned by the machine's clock, and until when. `ahead` is in milliseconds. */
export function clockNotice(ahead: number): string {
  const hours = Math.round(ahead / 3_600_000)
  const span = hours < 48 ? `${Math.round(ahead / 60_000)} minutes` : `${Math.round(hours / 24)} days`
  return `The clock of this machine was set ahead by ${span} since it was started; until it is started again, ages are reckoned without that\n`
}
