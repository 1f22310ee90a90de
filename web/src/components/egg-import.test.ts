import { describe, expect, it } from 'vitest'
import { Problem } from '~/api/problem'
import type { EggImported } from '~/api/types'
import { egg } from '~/mock-api/data'
import { type Dropped, importAll, inOrder, outcomeOf, reportText } from './egg-import'

const file = (name: string) => new File(['{}'], name)
const refusal = new Problem({
  status: 422,
  code: 'invalid_egg',
  title: 'Not an egg',
  detail: 'Line 41: the JSON ends inside "script".',
  requestId: '01KAH7Q3ZD',
  fields: { script: 'Cut off' },
})

function imported(odd: number): EggImported {
  return {
    egg,
    report: {
      format: 'PTDL_v2',
      odd: Array.from({ length: odd }, (_, n) => ({ code: 'unknown_key', field: `f${n}`, message: 'Kept' })),
    },
  }
}

async function drop(answers: Record<string, EggImported | Error>): Promise<Dropped[][]> {
  const told: Dropped[][] = []
  await importAll(Object.keys(answers).map(file), new Set([egg.id]), (rows) => told.push(rows), {
    importOne: async ({ name }) => {
      const answer = answers[name]
      if (!answer || answer instanceof Error) throw answer
      return answer
    },
  })
  return told
}

describe('dropping eggs', () => {
  it('goes on after a refused one, and tells after each', async () => {
    const told = await drop({ 'bad.json': refusal, 'odd.json': imported(1), 'fine.yaml': imported(0) })
    expect(told.map((rows) => rows.map(outcomeOf).join(' '))).toEqual([
      'waiting waiting waiting',
      'refused waiting waiting',
      'refused odd waiting',
      'refused odd fine',
    ])
  })

  it('knows an update from a new egg', async () => {
    const [row] = (await drop({ 'a.json': imported(0) })).at(-1) ?? []
    expect(row?.known).toBe(true)
  })

  it('shows what needs a look first', async () => {
    const rows =
      (await drop({ 'fine.json': imported(0), 'odd.json': imported(2), 'bad.json': refusal })).at(-1) ?? []
    expect(inOrder(rows).map((row) => row.file)).toEqual(['bad.json', 'odd.json', 'fine.json'])
  })

  it('gives a report to copy, with the request id', async () => {
    const [row] = (await drop({ 'bad.json': refusal })).at(-1) ?? []
    expect(row && reportText(row)).toBe(
      'bad.json\nrefused: Line 41: the JSON ends inside "script".\nscript: Cut off\nrequest 01KAH7Q3ZD',
    )
  })
})
