import { raw } from '~/api/client'
import { asProblem, type Problem } from '~/api/problem'
import type { EggImported } from '~/api/types'
import { texts } from '~/i18n/texts'

const t = texts('eggs')

/** What became of a file that was dropped. */
export type Outcome = 'waiting' | 'fine' | 'odd' | 'refused'

export interface Dropped {
  file: string
  imported?: EggImported
  /** The egg was there before, and is now as the file says. */
  known?: boolean
  problem?: Problem
}

export function outcomeOf(row: Dropped): Outcome {
  if (row.problem) return 'refused'
  if (!row.imported) return 'waiting'
  return row.imported.report.odd.length > 0 ? 'odd' : 'fine'
}

const LARGEST = 4 * 1024 * 1024

async function importFile(file: File, nest: string | undefined): Promise<EggImported> {
  if (file.size > LARGEST) throw new Error(t('import.large'))
  const form = new FormData()
  form.append('file', file, file.name)
  const response = await raw(nest ? `/eggs/import?nest=${encodeURIComponent(nest)}` : '/eggs/import', {
    method: 'POST',
    body: form,
  })
  return (await response.json()) as EggImported
}

/** Into a nest, or into none; one after the other, telling after each how all of them stand; what is refused holds nothing else up. */
export async function importAll(
  files: File[],
  known: ReadonlySet<string>,
  tell: (rows: Dropped[]) => void,
  {
    nest,
    importOne = importFile,
  }: { nest?: string | undefined; importOne?: (file: File, nest?: string) => Promise<EggImported> } = {},
): Promise<void> {
  const rows: Dropped[] = files.map((file) => ({ file: file.name }))
  tell([...rows])
  for (const [at, file] of files.entries()) {
    try {
      const imported = await importOne(file, nest)
      rows[at] = { file: file.name, imported, known: known.has(imported.egg.id) }
    } catch (error) {
      rows[at] = { file: file.name, problem: asProblem(error) }
    }
    tell([...rows])
  }
}

const ORDER: Outcome[] = ['refused', 'odd', 'waiting', 'fine']

/** What needs a look first; among equals as they were dropped. */
export function inOrder(rows: Dropped[]): Dropped[] {
  return [...rows].sort((a, b) => ORDER.indexOf(outcomeOf(a)) - ORDER.indexOf(outcomeOf(b)))
}

/** The report as plain text, for a mail or a bug report. */
export function reportText(row: Dropped): string {
  const lines = [row.file]
  if (row.problem) {
    lines.push(t('import.text_refused', { why: row.problem.message }))
    for (const [field, message] of Object.entries(row.problem.fields)) lines.push(`${field}: ${message}`)
    if (row.problem.requestId) lines.push(t('import.text_request', { id: row.problem.requestId }))
  }
  for (const odd of row.imported?.report.odd ?? []) lines.push(`${odd.code} ${odd.field}: ${odd.message}`)
  return lines.join('\n')
}
