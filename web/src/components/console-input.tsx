import { ArrowUp } from 'lucide-react'
import { type FormEvent, type KeyboardEvent, useRef, useState } from 'react'
import { asProblem } from '~/api/problem'
import type { Server } from '~/api/types'
import { useMedia } from '~/hooks/use-media'
import { texts } from '~/i18n/texts'
import type { ServerLive } from '~/live/live'
import { completion, keepTyped, quickCommands, typedBefore } from '~/stores/typed'
import { Kbd } from '~/ui/bits'
import { Button } from '~/ui/button'
import { cx } from '~/util/cx'
import { serverIs } from '~/util/state'

const t = texts('console')
const common = texts('common')

/** Longest line that the node writes, its line end included. */
const LINE_MAX = 4094

function refusal(result: string, message: string | undefined): string | undefined {
  switch (result) {
    case 'written':
      return undefined
    case 'busy':
      return t('input.busy')
    case 'off':
      return t('input.off')
    case 'unanswered':
      return t('input.unanswered')
    case 'broken':
      return t('input.broken')
    default:
      return message ? t('input.not_taken', { why: message }) : t('input.refused')
  }
}

/** The line at the console's foot: history with the arrows, Tab completes, and an answer for every line. */
export function ConsoleInput({ server, live }: { server: Server; live: ServerLive }) {
  const [text, setText] = useState('')
  const [said, setSaid] = useState<string>()
  const [busy, setBusy] = useState(false)
  const [kept, setKept] = useState(() => typedBefore(server.id))
  const place = useRef<{ at: number; draft: string }>(undefined)
  const field = useRef<HTMLInputElement>(null)
  const runs = ['running', 'starting', 'stopping'].includes(server.state)
  const phone = useMedia('(max-width: 639px)')
  const may = server.permissions.includes('control.console')
  // A phone has room for what is wrong, not for what follows from it.
  const why = !may
    ? t('input.may_not')
    : server.node.state === 'offline'
      ? t(phone ? 'input.away_short' : 'input.away', { node: server.node.name })
      : !runs
        ? phone
          ? serverIs(server.state)
          : t('input.nobody', { server_is: serverIs(server.state) })
        : undefined

  async function send(line: string) {
    if (line === '' || busy || why) return
    setBusy(true)
    setSaid(undefined)
    try {
      const { result, message } = await live.type(line)
      setSaid(refusal(result, message))
      if (result === 'written') {
        setKept(keepTyped(server.id, line))
        setText('')
        place.current = undefined
      }
    } catch (error) {
      setSaid(t('input.not_taken', { why: asProblem(error).message }))
    } finally {
      setBusy(false)
      field.current?.focus()
    }
  }

  function walk(step: number) {
    const now = place.current ?? { at: kept.length, draft: text }
    const at = Math.min(kept.length, Math.max(0, now.at + step))
    place.current = { at, draft: now.draft }
    setText(at === kept.length ? now.draft : (kept[at] ?? ''))
  }

  function onKey(event: KeyboardEvent<HTMLInputElement>) {
    if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
      event.preventDefault()
      walk(event.key === 'ArrowUp' ? -1 : 1)
    } else if (event.key === 'Tab' && !event.shiftKey) {
      const rest = completion(kept, text)
      if (!rest) return
      event.preventDefault()
      setText(rest)
    } else if (event.key === 'Escape') {
      event.currentTarget.blur()
    }
  }

  return (
    <div className="shrink-0 border-t border-line bg-surface">
      {said && (
        <p role="alert" className="border-b border-line px-4 py-1.5 text-12 text-warn-fg">
          {said}
        </p>
      )}
      {kept.length > 0 && !why && (
        <div className="flex gap-2 overflow-x-auto px-3 pt-2 sm:hidden">
          {quickCommands(kept, 6).map((line) => (
            <button
              key={line}
              type="button"
              onClick={() => void send(line)}
              className="mono h-11 max-w-[75vw] shrink-0 truncate rounded-box border border-line-2 px-3 text-13 text-t1"
            >
              {line}
            </button>
          ))}
        </div>
      )}
      <form
        onSubmit={(event: FormEvent) => {
          event.preventDefault()
          void send(text)
        }}
        className="flex h-11 items-center pr-3 max-sm:h-15 max-sm:gap-2 max-sm:px-3"
      >
        <label className="flex h-full min-w-0 flex-1 items-center max-sm:h-11 max-sm:rounded-box max-sm:border max-sm:border-line-2 max-sm:bg-ground max-sm:px-3">
          <span
            aria-hidden="true"
            className="mono w-15 shrink-0 pr-0 text-right font-medium text-accent sm:mr-4 max-sm:w-auto max-sm:pr-2"
          >
            &gt;
          </span>
          <input
            ref={field}
            aria-label={common('command')}
            data-keys="own"
            value={text}
            maxLength={LINE_MAX}
            disabled={Boolean(why)}
            placeholder={why ?? t('input.placeholder')}
            autoComplete="off"
            autoCapitalize="none"
            autoCorrect="off"
            spellCheck={false}
            enterKeyHint="send"
            onChange={(event) => {
              setText(event.target.value)
              place.current = undefined
            }}
            onKeyDown={onKey}
            className={cx(
              'h-full w-full min-w-0 bg-transparent caret-[var(--term-cursor)] outline-none placeholder:font-sans placeholder:text-t3 max-sm:text-16',
              'mono text-13 tracking-[-0.015em]',
            )}
          />
        </label>
        <span className="flex items-center gap-1 text-12 text-t3 max-md:hidden">
          <Kbd>↑</Kbd>
          <Kbd>↓</Kbd>
          <span className="num mr-2 ml-1">{t('input.history', { n: kept.length })}</span>
          <Kbd>{t('input.tab')}</Kbd>
          <span className="ml-1">{t('input.complete')}</span>
        </span>
        <span className="sm:hidden">
          <Button
            type="submit"
            look="primary"
            iconOnly
            icon={ArrowUp}
            busy={busy}
            off={text === '' ? t('input.nothing') : false}
          >
            {t('input.send')}
          </Button>
        </span>
        <span className="sr-only" aria-live="polite">
          {busy ? t('input.sending') : kept.length > 0 ? t('input.lines', { n: kept.length }) : ''}
        </span>
      </form>
    </div>
  )
}
