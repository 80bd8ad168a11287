import type { Labels, Metric } from './metric.ts'

/** The content type of what {@link renderMetrics} makes. */
export const metricsType = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * Prints metrics as Prometheus reads them. A metric that cannot be read is left out, so that one failure does not hide the rest.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export async function renderMetrics(metrics: readonly Metric[]): Promise<string> {
  const parts = await Promise.all(metrics.map((metric) => renderOne(metric).catch(() => '')))
  return parts.join('')
}

async function renderOne(metric: Metric): Promise<string> {
  const { name, help, type } = metric
  const lines = [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`]
  for (const { suffix = '', labels, value } of await metric.samples()) {
    lines.push(`${name}${suffix}${renderLabels(labels)} ${renderValue(value)}`)
  }
  return `${lines.join('\n')}\n`
}

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function renderValue(value: number): string {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value)
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"')
}
