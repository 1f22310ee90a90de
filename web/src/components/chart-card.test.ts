import { describe, expect, it } from 'vitest'
import { axisLabel, chartRows, type Panel } from './chart-card'

const GIB = 1024 ** 3

describe('words at the grid lines of a chart', () => {
  it('carry the unit once, at the highest line', () => {
    expect(axisLabel('bytes', 6 * GIB, 6 * GIB)).toBe('6 GiB')
    expect(axisLabel('bytes', 3 * GIB, 6 * GIB)).toBe('3')
    expect(axisLabel('percent', 200, 200)).toBe('200 %')
    expect(axisLabel('percent', 100, 200)).toBe('100')
  })

  it('name the unit again where it is another one', () => {
    expect(axisLabel('rate', 512 * 1024, 1024 * 1024)).toBe('512 KiB')
  })
})

describe('a chart as a table', () => {
  const panel: Panel = {
    title: 'CPU',
    kind: 'percent',
    limit: 100,
    at: [100, 160, 220],
    series: [{ name: 'CPU', values: [1, null, 3] }],
  }

  it('has the newest first, with the events between the samples', () => {
    const rows = chartRows(panel, [
      { at: 190, word: 'Restarted', look: 'event' },
      { at: 40, word: 'Before the first sample', look: 'event' },
    ])
    expect(rows.map((r) => r.mark ?? r.values[0])).toEqual([3, 'Restarted', null, 1])
  })
})
