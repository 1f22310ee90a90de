import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { eggsQuery } from '~/api/eggs'
import { texts } from '~/i18n/texts'
import { Card, GameTile } from '~/ui/bits'
import { SearchInput } from '~/ui/field'
import { Empty, SkeletonRows } from '~/ui/wait'
import { gameIcon } from '~/util/game-icon'
import { visible, visibleLines } from '~/util/visible'
import { ProblemView } from './problem-view'
import { StarterTiles } from './starters'

const t = texts('eggs')

/** The first question of a new server: which game. */
export function EggPicker() {
  const eggs = useQuery(eggsQuery)
  const [needle, setNeedle] = useState('')
  const shown = (eggs.data ?? []).filter((egg) =>
    `${egg.name} ${egg.tags.join(' ')} ${egg.description}`.toLowerCase().includes(needle.toLowerCase()),
  )
  return (
    <div className="mx-auto w-full max-w-[920px] px-6 pt-5 pb-8 max-sm:px-3">
      <h1 className="title text-20">{t('pick.title')}</h1>
      <p className="mt-0.5 mb-4 text-t2">{t('pick.note')}</p>
      {eggs.isError && <ProblemView error={eggs.error} onRetry={() => void eggs.refetch()} />}
      {eggs.isPending && (
        <Card>
          <SkeletonRows />
        </Card>
      )}
      {eggs.data && eggs.data.length > 0 && (
        <>
          <SearchInput
            label={t('pick.filter')}
            className="mb-3 w-72 max-sm:w-full"
            value={needle}
            onChange={(event) => setNeedle(event.target.value)}
          />
          <ul className="grid grid-cols-[repeat(auto-fill,minmax(280px,1fr))] gap-3">
            {shown.map((egg) => (
              <li key={egg.id}>
                <Link
                  to="/servers/new"
                  search={(before) => ({ ...before, egg: egg.id })}
                  className="tx flex h-full items-start gap-3 rounded-box border border-line bg-surface p-4 hover:border-line-2 hover:bg-surface-2"
                >
                  <GameTile large icon={gameIcon(egg.name)} />
                  <span className="min-w-0">
                    <span className="block truncate font-medium">{visible(egg.name)}</span>
                    <span className="line-clamp-2 text-12 text-t3">
                      {visibleLines(egg.description || egg.author)}
                    </span>
                    <span className="mt-1 block text-12 text-t3">{t('servers', { n: egg.servers })}</span>
                  </span>
                </Link>
              </li>
            ))}
          </ul>
          {shown.length === 0 && <p className="py-6 text-center text-t3">{t('pick.none')}</p>}
        </>
      )}
      {eggs.data?.length === 0 && (
        <Card>
          <Empty
            title={t('none')}
            action={
              <Link to="/eggs" className="hit font-medium text-accent">
                {t('pick.own')}
              </Link>
            }
          >
            {t('pick.take')}
          </Empty>
        </Card>
      )}
      <div className="mt-6">
        <StarterTiles onlyNew most={9} />
      </div>
    </div>
  )
}
