import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { api, must } from '~/api/client'
import { startersQuery } from '~/api/eggs'
import { keys, queryClient } from '~/api/queries'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { GameTile } from '~/ui/bits'
import { Spinner } from '~/ui/spinner'
import { gameIcon } from '~/util/game-icon'

const t = texts('eggs')

/** Eggs that come with the panel, each one step from a server. */
export function StarterTiles({
  most = 6,
  thenCreate = true,
  onlyNew = !thenCreate,
  title = t(thenCreate ? 'starters.start' : 'starters.title'),
  note = t('starters.note'),
  aside,
}: {
  title?: string
  note?: string
  aside?: ReactNode
  most?: number
  thenCreate?: boolean
  /** Leaves out those that have been taken already. */
  onlyNew?: boolean
}) {
  const starters = useQuery(startersQuery)
  const navigate = useNavigate()
  const take = useMutation({
    mutationFn: (key: string) => must(api.POST('/eggs/starters/{key}', { params: { path: { key } } })),
    onSuccess: async ({ egg }) => {
      await queryClient.invalidateQueries({ queryKey: keys.eggs })
      toast.done(t('starters.ready', { egg: egg.name }))
      if (thenCreate) await navigate({ to: '/servers/new', search: { egg: egg.id } })
    },
    onError: (error) => toast.error(t('starters.failed'), error),
  })
  const offered = (starters.data ?? []).filter((s) => !onlyNew || !s.egg).slice(0, most)
  if (offered.length === 0) return null
  return (
    <section aria-label={t('starters.title')}>
      <div className="mb-3 flex flex-wrap items-baseline gap-x-2">
        <h2 className="text-14 font-semibold">{title}</h2>
        <span className="text-t3">{note}</span>
        {aside && <span className="ml-auto">{aside}</span>}
      </div>
      <ul className="grid grid-cols-[repeat(auto-fill,minmax(210px,1fr))] gap-3">
        {offered.map((starter) => (
          <li key={starter.key}>
            <button
              type="button"
              onClick={() => {
                if (starter.egg && thenCreate)
                  void navigate({ to: '/servers/new', search: { egg: starter.egg } })
                else take.mutate(starter.key)
              }}
              className="tx flex h-full w-full items-center gap-3 rounded-box border border-line bg-surface p-4 text-left hover:border-line-2 hover:bg-surface-2"
            >
              <GameTile large icon={gameIcon(starter.name)} />
              <span className="min-w-0 flex-1">
                <span className="block truncate font-medium">{starter.name}</span>
                <span className="line-clamp-2 text-12 text-t3">{starter.description || starter.source}</span>
                <span className="block truncate text-12 text-t3">{starter.licence}</span>
              </span>
              {take.isPending && take.variables === starter.key && <Spinner className="text-move-dot" />}
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}
