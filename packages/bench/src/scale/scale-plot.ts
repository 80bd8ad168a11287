import type { ScaleResult } from './scale-crowd.ts'

type Point = readonly [x: number, y: number]

const width = 420
const height = 260
const margin = { left: 56, right: 16, top: 28, bottom: 40 }

/** An SVG of how a crowd grew: containers running over time, and memory over containers running. */
export function plotCrowd({ started, memory }: Pick<ScaleResult, 'started' | 'memory'>): string {
  const running = started.map((at, index): Point => [at / 1000, index + 1])
  const mebibytes = memory.map((one): Point => [one.running, (one.monitors + one.daemon) / 1024 / 1024])
  const charts = [
    chart('containers running', 'seconds', [[0, 0], ...running]),
    chart('MiB (PSS) of monitors and daemon', 'containers running', mebibytes),
  ]
  const moved = charts.map((text, at) => `<g transform="translate(${at * width} 0)">\n${text}</g>\n`)
  const size = `width="${charts.length * width}" height="${height}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="11">\n${moved.join('')}</svg>\n`
}

function chart(title: string, below: string, points: readonly Point[]): string {
  const right = Math.max(1, ...points.map(([x]) => x))
  const top = Math.max(1, ...points.map(([, y]) => y))
  const x = (value: number): string => (margin.left + (value / right) * (width - margin.left - margin.right)).toFixed(1)
  const y = (value: number): string =>
    (height - margin.bottom - (value / top) * (height - margin.top - margin.bottom)).toFixed(1)
  const tick = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0))
  const parts = [0, 0.25, 0.5, 0.75, 1]
  const lines = parts.flatMap((part) => [
    `<path d="M${x(0)} ${y(part * top)}H${x(right)}" stroke="#ddd"/>`,
    `<text x="${margin.left - 6}" y="${y(part * top)}" dy="4" text-anchor="end">${tick(part * top)}</text>`,
    `<text x="${x(part * right)}" y="${height - margin.bottom + 16}" text-anchor="middle">${tick(part * right)}</text>`,
  ])
  const path = points.map(([at, value]) => `${x(at)} ${y(value)}`).join('L')
  return [
    `<text x="${margin.left}" y="16" font-weight="bold">${title}</text>`,
    ...lines,
    `<text x="${width - margin.right}" y="${height - 8}" text-anchor="end">${below}</text>`,
    `<path d="M${path}" fill="none" stroke="#1f6feb" stroke-width="1.5"/>`,
    '',
  ].join('\n')
}
