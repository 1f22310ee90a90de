import { Check, Copy } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { texts } from '~/i18n/texts'
import { cx } from '~/util/cx'

const t = texts('common')

/** Puts text on the clipboard; falls back to a selection where the page is not a secure context. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = document.createElement('textarea')
    area.value = text
    area.setAttribute('readonly', '')
    area.className = 'fixed opacity-0'
    // Inside the open dialog, if there is one: its focus trap would take the focus back otherwise.
    const home = document.activeElement?.closest('[role="dialog"]') ?? document.body
    home.append(area)
    area.select()
    const done = document.execCommand('copy')
    area.remove()
    return done
  }
}

/** Whether it was just copied, and how to. */
export function useCopied(): [boolean, (text: string) => void] {
  const [copied, setCopied] = useState(false)
  const timer = useRef<number | undefined>(undefined)
  useEffect(() => () => window.clearTimeout(timer.current), [])
  return [
    copied,
    (text) => {
      void copyText(text).then((done) => {
        if (!done) return
        setCopied(true)
        window.clearTimeout(timer.current)
        timer.current = window.setTimeout(() => setCopied(false), 1600)
      })
    },
  ]
}

/** Drawn 14, hit area 24; 44 on the phone. */
export function CopyIcon({ text, label, className }: { text: string; label: string; className?: string }) {
  const [copied, copy] = useCopied()
  return (
    <button
      type="button"
      aria-label={copied ? t('copy.done') : label}
      title={label}
      onClick={(event) => {
        event.stopPropagation()
        event.preventDefault()
        copy(text)
      }}
      className={cx(
        'tx inline-flex size-6 shrink-0 items-center justify-center rounded-xs hover:text-t1 max-sm:size-11 max-sm:-my-2.5',
        copied ? 'text-run-fg' : 'text-t3',
        className,
      )}
    >
      {copied ? (
        <Check aria-hidden="true" size={14} />
      ) : (
        <Copy aria-hidden="true" size={14} strokeWidth={1.75} />
      )}
    </button>
  )
}

export function RequestId({ id, className }: { id: string; className?: string }) {
  return (
    <span className={cx('flex items-center gap-1 text-12 text-t3', className)}>
      {t('request')} <span className="mono text-t2">{id}</span>
      <CopyIcon text={id} label={t('copy.request_id')} />
    </span>
  )
}
