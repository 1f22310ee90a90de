import { Lock } from 'lucide-react'
import { useId, useState } from 'react'
import type { Permission } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Checkbox } from '~/ui/bits'
import { Button } from '~/ui/button'
import { SearchInput } from '~/ui/field'
import { Empty } from '~/ui/wait'
import { cx } from '~/util/cx'
import { foundKeys, rightText } from '~/util/right-text'
import { type KeyGroup, SEES_SERVER, sectionsOf } from '~/util/rights'

const t = texts('rights')

interface Props {
  /** What there is to choose from. */
  permissions: Permission[]
  chosen: ReadonlySet<string>
  /** What the reader has: nothing beyond it can be given. */
  mine: ReadonlySet<string>
  /** Seeing the server comes with any other right on it, and is not chosen by itself beside them. */
  sees?: boolean
  /** Why nothing can be changed here. */
  off?: string | false
  onChange: (chosen: Set<string>) => void
}

/** A table of rights to be ticked, by what they are about, with a search. */
export function KeyPicker({ permissions, chosen, mine, sees = false, off = false, onChange }: Props) {
  const [text, setText] = useState('')
  const note = useId()
  const sections = sectionsOf(foundKeys(permissions, text))
  const locked = permissions.filter(({ key }) => !mine.has(key)).length
  const implied = (key: string) => sees && key === SEES_SERVER && [...chosen].some((each) => each !== key)
  const fixed = (key: string) => off !== false || !mine.has(key) || implied(key)
  function set(keys: string[], on: boolean) {
    const next = new Set(chosen)
    for (const key of keys.filter((each) => !fixed(each))) {
      if (on) next.add(key)
      else next.delete(key)
    }
    onChange(next)
  }
  return (
    <div>
      <div className="mb-2 flex flex-wrap items-center gap-x-3 gap-y-2">
        <SearchInput
          label={t('pick.search')}
          small
          className="w-60 max-sm:w-full"
          value={text}
          onChange={(event) => setText(event.target.value)}
          // Enter is for the form, and nobody means to send it from here.
          onKeyDown={(event) => event.key === 'Enter' && event.preventDefault()}
        />
        <span className="num text-12 text-t3" role="status">
          {t('pick.chosen', {
            n: permissions.filter(({ key }) => chosen.has(key) || implied(key)).length,
            all: permissions.length,
          })}
        </span>
      </div>
      <p id={note} className={cx('mb-2 text-12 text-t3', locked === 0 && off === false && 'hidden')}>
        {off !== false ? off : t('pick.locked_note')}
      </p>
      <div className="overflow-hidden rounded-box border border-line-2">
        {sections.length === 0 && <Empty title={t('pick.none')} />}
        {sections.map((section) => (
          <section key={section.set} aria-label={section.title}>
            {sections.length > 1 && (
              <h3 className="border-b border-line bg-surface-2 px-4 py-1.5 text-12 font-medium text-t2">
                {section.title}
              </h3>
            )}
            {section.groups.map((group) => (
              <Group
                key={group.word}
                {...{ group, chosen, mine, note, fixed, implied }}
                off={off !== false}
                onSet={set}
              />
            ))}
          </section>
        ))}
      </div>
    </div>
  )
}

function Group({
  group,
  chosen,
  mine,
  note,
  off,
  fixed,
  implied,
  onSet,
}: {
  group: KeyGroup
  chosen: ReadonlySet<string>
  mine: ReadonlySet<string>
  note: string
  off: boolean
  fixed: (key: string) => boolean
  implied: (key: string) => boolean
  onSet: (keys: string[], on: boolean) => void
}) {
  const title = useId()
  const free = group.keys.filter(({ key }) => !fixed(key))
  const all = free.length > 0 && free.every(({ key }) => chosen.has(key))
  return (
    <div
      role="group"
      aria-labelledby={title}
      className="grid grid-cols-[148px_minmax(0,1fr)] gap-x-4 border-b border-line px-4 py-2 last:border-0 max-md:grid-cols-1"
    >
      <div className="flex items-start gap-2 max-md:items-center">
        <div id={title} className="pt-1 font-medium max-md:pt-0">
          {group.title}
        </div>
        {free.length > 1 && (
          <Button
            size="sm"
            look="quiet"
            className="ml-auto px-1.5! text-t3"
            aria-label={t(all ? 'pick.no_of' : 'pick.all_of', { group: group.title })}
            onClick={() =>
              onSet(
                group.keys.map(({ key }) => key),
                !all,
              )
            }
          >
            {t(all ? 'pick.no' : 'pick.all')}
          </Button>
        )}
      </div>
      <ul className="grid grid-cols-2 gap-x-4 max-lg:grid-cols-1">
        {group.keys.map((right) => {
          const { key } = right
          const lacked = !mine.has(key)
          const [what = '', ...more] = rightText(right).replace(/\.$/, '').split('. ')
          return (
            <li key={key}>
              {/* biome-ignore lint/a11y/noLabelWithoutControl: the control is the checkbox inside */}
              <label
                title={lacked && !off ? t('pick.lacked') : undefined}
                className="flex items-start gap-2 rounded-in py-1 max-sm:min-h-11 max-sm:items-center"
              >
                <Checkbox
                  checked={chosen.has(key) || implied(key)}
                  disabled={fixed(key)}
                  aria-describedby={lacked || off ? note : undefined}
                  onChange={(event) => onSet([key], event.target.checked)}
                />
                <span className="min-w-0 flex-1 pt-0.5">
                  <span className={cx('block', lacked && !off ? 'text-t3' : 'text-t1')}>
                    {what}
                    {lacked && !off && (
                      <Lock
                        aria-label={t('pick.locked')}
                        size={12}
                        className="ml-1.5 inline-block align-[-1px]"
                      />
                    )}
                  </span>
                  {more.length > 0 && <span className="block text-12 text-t3">{more.join('. ')}</span>}
                  <span className="mono block text-12 text-t3 [overflow-wrap:anywhere]">{key}</span>
                </span>
              </label>
            </li>
          )
        })}
      </ul>
    </div>
  )
}
