/** Whether labels hold all of a filter's: `key`, or `key=value`. */
export function hasLabels(labels: Readonly<Record<string, string>>, wanted: readonly string[] | undefined): boolean {
  return (wanted ?? []).every((label) => {
    const at = label.indexOf('=')
    return at < 0 ? label in labels : labels[label.slice(0, at)] === label.slice(at + 1)
  })
}
