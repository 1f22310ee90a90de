import { type ReactNode, useState } from 'react'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { SearchInput } from '~/ui/field'

const t = texts('lists')

export interface Picked {
  id: string
  name: string
}

/** One of very many, found by typing; what was picked takes the place of the list. */
export function Pick({
  label,
  search,
  text,
  rows,
  more = false,
  picked,
  empty,
  error,
  onText,
  onPick,
}: {
  label: string
  /** What the search field asks for: "Find by name". */
  search: string
  text: string
  /** None while they are being read. */
  rows: Array<Picked & { note?: ReactNode }> | undefined
  /** There are more than are shown. */
  more?: boolean
  picked: Picked | undefined
  empty: string
  error?: string | undefined
  onText: (text: string) => void
  onPick: (picked: Picked | undefined) => void
}) {
  const [again, setAgain] = useState(false)
  return (
    <div>
      <div className="mb-1.5 font-medium">{label}</div>
      {picked ? (
        <div className="flex min-h-8 items-center gap-2 rounded-box border border-line-2 py-1 pr-1.5 pl-3 max-sm:min-h-11">
          <span className="min-w-0 flex-1 truncate">{picked.name}</span>
          <Button
            size="sm"
            autoFocus
            onClick={() => {
              setAgain(true)
              onPick(undefined)
            }}
            aria-label={t('pick.another_than', { name: picked.name })}
          >
            {t('pick.another')}
          </Button>
        </div>
      ) : (
        <>
          <SearchInput
            label={search}
            autoFocus={again}
            value={text}
            onChange={(event) => onText(event.target.value)}
            onKeyDown={(event) => event.key === 'Enter' && event.preventDefault()}
          />
          <ul
            aria-label={label}
            className="mt-2 max-h-48 min-h-10 overflow-y-auto rounded-box border border-line-2 py-1"
          >
            {rows?.length === 0 && <li className="px-3 py-1.5 text-t3">{empty}</li>}
            {rows?.map(({ id, name, note }) => (
              <li key={id}>
                <button
                  type="button"
                  onClick={() => onPick({ id, name })}
                  className="flex min-h-8 w-full items-center gap-2 px-3 text-left -outline-offset-2! hover:bg-surface-2 max-sm:min-h-11"
                >
                  <span className="truncate">{name}</span>
                  {note && <span className="truncate text-12 text-t3">{note}</span>}
                </button>
              </li>
            ))}
            {more && <li className="px-3 py-1.5 text-12 text-t3">{t('pick.more')}</li>}
          </ul>
        </>
      )}
      {error && (
        <p role="alert" className="mt-1.5 text-12 text-fail-fg">
          {error}
        </p>
      )}
    </div>
  )
}
