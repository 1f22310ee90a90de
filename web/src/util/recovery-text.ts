import { texts } from '~/i18n/texts'

const t = texts('second_factor')

/** What is kept of recovery codes: without saying where they belong, nobody knows it in a year. */
export function recoveryText(codes: string[], account: string, panel: string, at: Date): string {
  return [
    t('file.head', { account, panel, day: at.toISOString().slice(0, 10) }),
    t('file.note'),
    '',
    ...codes,
    '',
  ].join('\n')
}
