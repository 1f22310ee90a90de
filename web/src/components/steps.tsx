import { Check } from 'lucide-react'
import { useEffect, useState } from 'react'
import { texts } from '~/i18n/texts'
import { cx } from '~/util/cx'

const t = texts('server_new')

export interface Step {
  /** The id of the section that it leads to. */
  id: string
  label: string
  state: 'done' | 'open' | 'wrong'
}

/** How far below the top of what scrolls a section's head counts as read. */
const READ_BELOW_PX = 200

/** The section that is read now: the last whose head has come up. */
function useReadSection(ids: string[]): string | undefined {
  const [read, setRead] = useState(ids[0])
  const key = ids.join(' ')
  useEffect(() => {
    const scroller = document.getElementById('main')
    if (!scroller) return
    function look() {
      const line = (scroller?.getBoundingClientRect().top ?? 0) + READ_BELOW_PX
      const end = scroller && scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 4
      const passed = key
        .split(' ')
        .filter((id) => (document.getElementById(id)?.getBoundingClientRect().top ?? Infinity) <= line)
      setRead(end && scroller.scrollTop > 0 ? key.split(' ').at(-1) : passed.at(-1))
    }
    look()
    scroller.addEventListener('scroll', look, { passive: true })
    return () => scroller.removeEventListener('scroll', look)
  }, [key])
  return read
}

/** The sections of a long form, beside it: where one is, and what needs a look. */
export function Steps({ label, steps }: { label: string; steps: Step[] }) {
  const read = useReadSection(steps.map((step) => step.id))
  function go(id: string) {
    const section = document.getElementById(id)
    section?.scrollIntoView({ block: 'start' })
    section?.querySelector<HTMLElement>('input, select, textarea, button')?.focus({ preventScroll: true })
  }
  return (
    <nav aria-label={label}>
      <ol className="flex flex-col gap-0.5">
        {steps.map((step, at) => (
          <li key={step.id}>
            <button
              type="button"
              aria-current={read === step.id ? 'step' : undefined}
              onClick={() => go(step.id)}
              className="tx flex h-8 w-full items-center gap-2.5 rounded-in px-2 text-left text-t2 hover:text-t1 aria-[current]:bg-surface-3 aria-[current]:font-medium aria-[current]:text-t1"
            >
              <span
                className={cx(
                  'num inline-flex size-5 shrink-0 items-center justify-center rounded-pill border text-12 leading-none',
                  step.state === 'done' && 'border-run-line bg-run-tint text-run-fg',
                  step.state === 'wrong' && 'border-fail-line bg-fail-tint text-fail-fg',
                  step.state === 'open' &&
                    (read === step.id ? 'border-accent-line text-accent' : 'border-line-2 text-t2'),
                )}
              >
                {step.state === 'done' ? (
                  <Check aria-hidden="true" size={12} strokeWidth={2.25} />
                ) : step.state === 'wrong' ? (
                  '!'
                ) : (
                  at + 1
                )}
              </span>
              {step.label}
              {step.state !== 'open' && (
                <span className="sr-only">{t(step.state === 'done' ? 'step.done' : 'step.wrong')}</span>
              )}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  )
}
