import { Check, Copy } from 'lucide-react'
import { texts } from '~/i18n/texts'
import { cx } from '~/util/cx'
import { Button } from './button'
import { CopyIcon, useCopied } from './copy'

const t = texts('common')

export function CopyButton({
  text,
  label = t('copy'),
  primary = false,
}: {
  text: string
  label?: string
  primary?: boolean
}) {
  const [copied, copy] = useCopied()
  return (
    <Button
      size="sm"
      look={primary && !copied ? 'primary' : 'secondary'}
      icon={copied ? Check : Copy}
      onClick={() => copy(text)}
      className="min-w-20 font-sans"
    >
      {copied ? t('copy.done') : label}
    </Button>
  )
}

export function Address({
  text,
  hideCopy = false,
  strong = false,
}: {
  text: string
  hideCopy?: boolean
  strong?: boolean
}) {
  return (
    <span className="inline-flex shrink-0 items-center gap-0.5">
      <span className={cx('mono whitespace-nowrap', strong ? 'text-13 text-t1' : 'text-12 text-t2')}>
        {text}
      </span>
      <CopyIcon text={text} label={t('copy.address')} className={hideCopy ? 'on-hover' : ''} />
    </span>
  )
}

/** A command to run elsewhere, with its copy button. */
export function CommandBox({
  text,
  primary = false,
  label = t('command'),
}: {
  text: string
  primary?: boolean
  label?: string
}) {
  return (
    <div className="flex items-center gap-2 rounded-box border border-line-2 bg-term-bg py-2.5 pr-2.5 pl-3.5">
      <code
        tabIndex={0}
        role="group"
        aria-label={label}
        className="mono min-w-0 flex-1 overflow-x-auto text-12 leading-7 whitespace-nowrap text-term-fg"
      >
        {text}
      </code>
      <CopyButton text={text} primary={primary} />
    </div>
  )
}
