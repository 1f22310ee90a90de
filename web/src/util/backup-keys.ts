import type { BackupKey } from '~/api/types'
import { texts } from '~/i18n/texts'

const t = texts('backup_settings')

/** As a shell reads it: one word, whatever is in it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/** What lists a repository's backups with stock restic. */
export function resticCommand({ repository }: Pick<BackupKey, 'repository'>): string {
  return ['restic', '-r', quoted(repository), 'snapshots'].join(' ')
}

/** What is kept of keys: without saying what they open, nobody knows it in a year. */
export function keysText(keys: BackupKey[], server: string, panel: string, at: Date): string {
  return [
    t('file.head', { server, panel, day: at.toISOString().slice(0, 10) }),
    t('file.note'),
    ...keys.flatMap((key) => [
      '',
      t('file.store', { store: key.store.name }),
      t('file.repository', { repository: key.repository }),
      t('file.password', { password: key.password }),
      resticCommand(key),
    ]),
    '',
  ].join('\n')
}
