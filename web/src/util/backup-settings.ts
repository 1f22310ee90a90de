import type { BackupSettingsUpdate } from '~/api/types'
import { perLanguage, texts } from '~/i18n/texts'
import { count } from './format'

const t = texts('backup_settings')

export const RETENTION = ['last', 'days', 'daily', 'weekly', 'monthly'] as const
export type RetentionName = (typeof RETENTION)[number]
/** The most that the panel takes. */
export const RETENTION_MOST: Record<RetentionName, number> = {
  last: 1000,
  days: 3650,
  daily: 1000,
  weekly: 1000,
  monthly: 1000,
}

/** How a server is backed up, as somebody types it. */
export interface BackupDraft {
  store: string
  ignore: string
  /** Old backups go by themselves. */
  tidies: boolean
  retention: Record<RetentionName, string>
  /** Something is typed into the game. */
  hooks: boolean
  before: string
  after: string
  ready: string
  wait: string
}

export function draftOf({
  store,
  ignore = [],
  retention = {},
  hooks = {},
}: BackupSettingsUpdate): BackupDraft {
  const { before = [], after = [], ready = '', wait_s = 0 } = hooks
  const numbers = RETENTION.map((name) => [name, retention[name]?.toString() ?? ''] as const)
  return {
    store: store ?? '',
    ignore: ignore.join('\n'),
    tidies: numbers.some(([, text]) => text !== ''),
    retention: Object.fromEntries(numbers) as BackupDraft['retention'],
    hooks: before.length > 0 || after.length > 0 || ready !== '',
    before: before.join('\n'),
    after: after.join('\n'),
    ready,
    wait: wait_s ? wait_s.toString() : '',
  }
}

const lines = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter(Boolean)

const whole = (text: string) => (/^\d+$/.test(text.trim()) ? Number(text) : undefined)

/** As the panel takes it; what is switched off is left out. */
export function settingsOf(draft: BackupDraft): BackupSettingsUpdate {
  const retention = RETENTION.flatMap((name) => {
    const n = draft.tidies ? whole(draft.retention[name]) : undefined
    return n === undefined ? [] : [[name, n] as const]
  })
  const hooks = { before: lines(draft.before), after: lines(draft.after), ready: draft.ready.trim() }
  return {
    store: draft.store || null,
    ignore: lines(draft.ignore),
    retention: Object.fromEntries(retention),
    hooks: draft.hooks
      ? { ...hooks, wait_s: whole(draft.wait) ?? 0 }
      : { before: [], after: [], ready: '', wait_s: 0 },
  }
}

/** What can't be sent as it stands, by the panel's names of the fields. */
export function wrongIn(draft: BackupDraft): Record<string, string> {
  const wrong: Record<string, string> = {}
  if (draft.tidies) {
    for (const name of RETENTION) {
      const text = draft.retention[name].trim()
      const most = RETENTION_MOST[name]
      const n = whole(text)
      if (text !== '' && (n === undefined || n < 1 || n > most))
        wrong[`retention.${name}`] = t('wrong.number', { from: 1, to: count(most) })
    }
    if (RETENTION.every((name) => draft.retention[name].trim() === ''))
      wrong['retention.last'] = t('wrong.nothing_kept')
  }
  if (draft.hooks) {
    const n = whole(draft.wait)
    if (draft.wait.trim() !== '' && (n === undefined || n > 300))
      wrong['hooks.wait_s'] = t('wrong.number', { from: 0, to: 300 })
    if (lines(draft.before).length === 0 && lines(draft.after).length === 0)
      wrong['hooks.before'] = t('wrong.no_lines')
  }
  return wrong
}

const listFormat = perLanguage((locale) => new Intl.ListFormat(locale, { type: 'conjunction' }))

/** "Kept are the newest 3 and the newest of each of 4 weeks; the rest is deleted." */
export function retentionText(draft: BackupDraft): string {
  if (!draft.tidies) return t('retention.all_kept')
  const parts = RETENTION.flatMap((name) => {
    const n = whole(draft.retention[name])
    return n ? [t(`retention.says_${name}`, { n })] : []
  })
  return parts.length > 0 ? t('retention.says', { what: listFormat().format(parts) }) : ''
}
