import 'uplot/dist/uPlot.min.css'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import { useDrawnTheme } from '~/stores/theme'

export interface ChartProps {
  /** Unix seconds, ascending. */
  at: number[]
  /** One or two series of the same length; a null is a hole. */
  series: Array<Array<number | null>>
  from: number
  to: number
  /** 0 for none. */
  limit: number
  /** Words of the axis: the value of a grid line or of the limit, and the highest that is named. */
  label: (value: number, top: number) => string
  /** A scale without a limit ends at a power of two instead of a round decimal. */
  binary?: boolean
  /** Verticals at moments, in Unix seconds. */
  marks?: Array<{ at: number; look: 'event' | 'fail' }>
  ends: [string, string]
  /** Charts with the same name share their crosshair. */
  sync: string
  onCursor?: (index: number | undefined) => void
}

const RIGHT = 54
const BOTTOM = 18

/** A round figure at or above the data's peak, so that the scale does not move with every sample. */
export function niceTop(peak: number, binary: boolean): number {
  if (peak <= 0) return binary ? 1024 : 1
  const base = binary ? 2 : 10
  if (binary) return 2 ** Math.ceil(Math.log2(peak))
  const step = base ** Math.floor(Math.log10(peak))
  return [1, 2, 5, 10].map((n) => n * step).find((n) => n >= peak) ?? peak
}

export default function Chart(props: ChartProps) {
  const { at, series, from, to, limit, label, ends, sync, onCursor, binary = false, marks = [] } = props
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const theme = useDrawnTheme()
  const count = series.length
  const peak = Math.max(0, ...series.flatMap((s) => s.map((v) => v ?? 0)))
  const top = limit > 0 ? Math.max(limit, peak) : niceTop(peak, binary)
  // The drawing hooks read what was last rendered; the chart itself is made once per theme.
  const now = useRef({ from, to, limit, top, label, ends, onCursor, marks })
  now.current = { from, to, limit, top, label, ends, onCursor, marks }

  // biome-ignore lint/correctness/useExhaustiveDependencies: colours are read from the theme when it changes
  useEffect(() => {
    const box = host.current
    if (!box) return
    const css = getComputedStyle(document.documentElement)
    const colour = (name: string) => css.getPropertyValue(name).trim()
    const chart = new uPlot(
      {
        width: Math.max(80, box.clientWidth),
        height: Math.max(60, box.clientHeight),
        padding: [6, RIGHT, BOTTOM, 0],
        legend: { show: false },
        scales: {
          x: { time: false, range: () => [now.current.from, now.current.to] },
          y: { range: () => [0, now.current.top * 1.12] },
        },
        axes: [{ show: false }, { show: false }],
        cursor: {
          y: false,
          drag: { x: false, y: false },
          points: { size: 6, fill: colour('--chart-1'), stroke: colour('--surface') },
          sync: { key: sync, setSeries: false },
        },
        series: [
          {},
          {
            stroke: colour('--chart-1'),
            fill: colour('--chart-1-fill'),
            width: 1.5,
            points: { show: false },
            spanGaps: false,
          },
          ...(count > 1
            ? [{ stroke: colour('--chart-2'), width: 1.5, points: { show: false }, spanGaps: false }]
            : []),
        ],
        hooks: {
          drawClear: [(u) => drawGround(u, now.current, colour)],
          draw: [(u) => drawMarks(u, now.current, colour), (u) => drawLast(u, colour)],
          setCursor: [(u) => now.current.onCursor?.(u.cursor.idx ?? undefined)],
        },
      },
      [[], ...Array.from({ length: count }, () => [])] as uPlot.AlignedData,
      box,
    )
    plot.current = chart
    const observer = new ResizeObserver(() =>
      chart.setSize({ width: Math.max(80, box.clientWidth), height: Math.max(60, box.clientHeight) }),
    )
    observer.observe(box)
    return () => {
      observer.disconnect()
      chart.destroy()
      plot.current = undefined
    }
  }, [theme, count, sync])

  useEffect(() => {
    plot.current?.setData([at, ...series] as uPlot.AlignedData)
  })

  return <div ref={host} aria-hidden="true" className="absolute inset-0" />
}

type Ground = Pick<ChartProps, 'limit' | 'label' | 'ends'> & { top: number }

function drawGround(u: uPlot, { limit, top, label, ends }: Ground, colour: (name: string) => string): void {
  const { ctx } = u
  const ratio = uPlot.pxRatio
  const { left, top: boxTop, width, height } = u.bbox
  const right = left + width
  const edge = right + (RIGHT - 2) * ratio
  ctx.save()
  ctx.font = `${12 * ratio}px "Inter Variable", Inter, sans-serif`
  ctx.textBaseline = 'middle'
  ctx.textAlign = 'right'
  ctx.lineWidth = ratio
  const line = (value: number, stroke: string, text: string, fill: string, dash: number[]) => {
    const y = Math.round(u.valToPos(value, 'y', true)) + 0.5
    ctx.strokeStyle = stroke
    ctx.setLineDash(dash)
    ctx.beginPath()
    ctx.moveTo(left, y)
    ctx.lineTo(right, y)
    ctx.stroke()
    ctx.fillStyle = fill
    ctx.fillText(text, edge, y)
  }
  line(0, colour('--chart-grid'), '0', colour('--text-3'), [])
  const middle = (limit > 0 ? limit : top) / 2
  // Far above its limit the data sets the scale: its top is named, and the middle would stand on the limit.
  const over = limit > 0 && top > limit * 1.5
  const named = over || limit <= 0 ? top : limit
  if (over) line(top, colour('--chart-grid'), label(top, named), colour('--text-3'), [])
  else line(middle, colour('--chart-grid'), label(middle, named), colour('--text-3'), [])
  if (limit > 0)
    line(limit, colour('--chart-limit'), label(limit, named), colour('--text-2'), [3 * ratio, 3 * ratio])
  else line(top, colour('--chart-grid'), label(top, named), colour('--text-3'), [])
  ctx.setLineDash([])
  ctx.fillStyle = colour('--text-3')
  const below = boxTop + height + 11 * ratio
  ctx.textAlign = 'left'
  ctx.fillText(ends[0], left, below)
  ctx.textAlign = 'right'
  ctx.fillText(ends[1], right, below)
  ctx.restore()
}

/** One pixel from top to bottom, with a foot: a square for an event, a triangle for a failure. */
function drawMarks(
  u: uPlot,
  { marks, from, to }: { marks: NonNullable<ChartProps['marks']>; from: number; to: number },
  colour: (name: string) => string,
): void {
  const { ctx } = u
  const ratio = uPlot.pxRatio
  const { top, height } = u.bbox
  for (const { at, look } of marks) {
    if (at < from || at > to) continue
    const x = Math.round(u.valToPos(at, 'x', true)) + 0.5
    const foot = top + height
    ctx.save()
    ctx.strokeStyle = colour('--line-2')
    ctx.fillStyle = colour(look === 'fail' ? '--fail-dot' : '--text-3')
    ctx.lineWidth = ratio
    ctx.beginPath()
    ctx.moveTo(x, top)
    ctx.lineTo(x, foot)
    ctx.stroke()
    ctx.beginPath()
    if (look === 'fail') {
      ctx.moveTo(x, foot - 6 * ratio)
      ctx.lineTo(x + 4 * ratio, foot + ratio)
      ctx.lineTo(x - 4 * ratio, foot + ratio)
      ctx.closePath()
    } else ctx.rect(x - 2 * ratio, foot - 3 * ratio, 4 * ratio, 4 * ratio)
    ctx.fill()
    ctx.restore()
  }
}

function drawLast(u: uPlot, colour: (name: string) => string): void {
  const { ctx } = u
  const ratio = uPlot.pxRatio
  for (let at = 1; at < u.series.length; at++) {
    const values = u.data[at] ?? []
    const last = values.length - 1
    const value = values[last]
    const x = u.data[0][last]
    if (value == null || x == null) continue
    ctx.save()
    ctx.beginPath()
    ctx.arc(u.valToPos(x, 'x', true), u.valToPos(value, 'y', true), 3 * ratio, 0, 2 * Math.PI)
    ctx.fillStyle = colour(at === 1 ? '--chart-1' : '--chart-2')
    ctx.strokeStyle = colour('--surface')
    ctx.lineWidth = 1.5 * ratio
    ctx.fill()
    ctx.stroke()
    ctx.restore()
  }
}
