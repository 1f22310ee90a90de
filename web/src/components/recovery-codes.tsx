import { useState } from 'react'
import { texts } from '~/i18n/texts'
import { Checkbox } from '~/ui/bits'
import { Button } from '~/ui/button'
import { CopyButton } from '~/ui/copy-box'
import { cx } from '~/util/cx'
import { recoveryText } from '~/util/recovery-text'
import { saveFile } from '~/util/save-file'

const t = texts('second_factor')

/** The one time that recovery codes are shown: done only once they are said to be kept. */
export function RecoveryCodes({
  codes,
  account,
  wide = false,
  hint,
  onDone,
}: {
  codes: string[]
  /** Whose they are, for the file. */
  account: string
  wide?: boolean
  /** Said in red when somebody tried to go on without. */
  hint?: string | undefined
  onDone: () => void
}) {
  const [kept, setKept] = useState(false)
  const text = recoveryText(codes, account, location.host, new Date())
  return (
    <div className="flex flex-col gap-4">
      <p className="text-t2">{t('codes.note')}</p>
      <div className="overflow-hidden rounded-box border border-line-2">
        <div className="flex items-center gap-2 border-b border-line py-1.5 pr-1.5 pl-3.5">
          <span className="flex-1 text-12 text-t2">{t('codes.count', { n: codes.length })}</span>
          <Button size="sm" onClick={() => saveFile('warren-recovery-codes.txt', text)}>
            {t('codes.download')}
          </Button>
          <CopyButton text={codes.join('\n')} />
        </div>
        <ol
          aria-label={t('step.codes')}
          className={cx(
            'mono grid grid-flow-col grid-rows-5 gap-x-6 bg-term-bg px-3.5 py-2.5 text-12 leading-6 text-term-fg',
            !wide && 'sm:justify-start sm:gap-x-10',
          )}
        >
          {codes.map((code) => (
            <li key={code} className="whitespace-nowrap">
              {code}
            </li>
          ))}
        </ol>
      </div>
      {/* biome-ignore lint/a11y/noLabelWithoutControl: the control is the checkbox inside */}
      <label className="flex items-center gap-2">
        <Checkbox autoFocus checked={kept} onChange={(event) => setKept(event.target.checked)} />
        {t('codes.kept')}
      </label>
      <p role="alert" className={cx('text-12 text-fail-fg', !hint && 'sr-only')}>
        {hint}
      </p>
      <Button
        look="primary"
        size={wide ? 'lg' : 'md'}
        className={wide ? 'w-full' : 'self-end'}
        off={kept ? false : t('codes.not_kept')}
        onClick={onDone}
      >
        {t('codes.done')}
      </Button>
    </div>
  )
}
