import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Timer } from 'lucide-react'
import { useState } from 'react'
import { api, isProblem, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { NewJoinToken } from '~/api/types'
import { useNow } from '~/hooks/use-now'
import { texts } from '~/i18n/texts'
import { Banner, Mark } from '~/ui/badge'
import { Card } from '~/ui/bits'
import { Button } from '~/ui/button'
import { CommandBox } from '~/ui/copy-box'
import { Spinner } from '~/ui/spinner'
import { Skeleton, useSlow } from '~/ui/wait'
import { cx } from '~/util/cx'
import { clock } from '~/util/format'
import { useArrival } from './arrival'
import { ProblemView } from './problem-view'

const t = texts('join')

const KEPT = 'warren.join'
/** A command that ends while somebody walks over to the machine is no help. */
const LEAST_LEFT_MS = 300_000

function kept(): NewJoinToken | undefined {
  try {
    const token = JSON.parse(sessionStorage.getItem(KEPT) ?? 'null') as NewJoinToken | null
    return token && Date.parse(token.expires_at) - Date.now() > LEAST_LEFT_MS ? token : undefined
  } catch {
    return undefined
  }
}

/** A token for one machine and one hour; a reload of the page shows the same one again. */
async function firstToken(local: boolean): Promise<NewJoinToken> {
  const before = kept()
  if (before) return before
  const token = await must(
    api.POST('/nodes/tokens', {
      ...(local ? { params: { query: { local: true } } } : {}),
      body: { uses: 1, expires_in_s: 3600 },
    }),
  )
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(token))
  } catch {
    // Then a reload makes another one.
  }
  void queryClient.invalidateQueries({ queryKey: keys.tokens, exact: true })
  return token
}

function forget(): void {
  sessionStorage.removeItem(KEPT)
}

/** The command that joins a machine, ready to be copied; waits below it, and turns green by itself. */
export function JoinCard() {
  const [local, setLocal] = useState(false)
  const made = useQuery({
    queryKey: ['join-command', local],
    queryFn: () => firstToken(local),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    refetchOnWindowFocus: false,
  })
  const now = useNow()
  const slow = useSlow()
  const token = made.data
  const out = token !== undefined && Date.parse(token.expires_at) <= now
  const again = () => {
    forget()
    void made.refetch()
  }
  if (made.isError && isProblem(made.error, 'no_public_address')) {
    return (
      <Banner
        family="warn"
        shape="look"
        title={t('no_address')}
        actions={
          <Button size="sm" onClick={() => setLocal(true)}>
            {t('local_only')}
          </Button>
        }
      >
        {made.error.message}
      </Banner>
    )
  }
  if (made.isError) return <ProblemView error={made.error} onRetry={() => void made.refetch()} />
  return (
    <Card className="overflow-hidden">
      <div className="px-4 pt-3.5 pb-4">
        <div className="mb-2.5 flex flex-wrap items-center gap-x-3">
          <h2 className="font-medium">{t('card.run')}</h2>
          <span className="ml-auto flex items-center gap-1.5 text-12 text-t2">
            <Timer aria-hidden="true" size={14} strokeWidth={1.75} />
            {token && !out && (
              <span>
                {t.rich('card.until', {
                  time: (inner) => <span className="num">{inner}</span>,
                  at: clock(Date.parse(token.expires_at)).slice(0, 5),
                })}
              </span>
            )}
            {out && <span className="text-warn-fg">{t('card.out')}</span>}
            {out && (
              <button type="button" onClick={again} className="hit ml-1 font-medium text-accent">
                {t('new_one')}
              </button>
            )}
          </span>
        </div>
        {token ? (
          <CommandBox text={token.install_command ?? token.command} primary />
        ) : (
          <div className="flex h-[50px] items-center rounded-box border border-line-2 bg-term-bg px-3.5 max-sm:h-[66px]">
            {slow && <Skeleton className="h-3 w-3/4" />}
          </div>
        )}
        <div className="mt-2 flex flex-wrap items-baseline gap-x-4 text-12 text-t3">
          <span className="flex-1 basis-72">{t('card.systems')}</span>
          <a href="/install.sh" target="_blank" rel="noreferrer" className="hit font-medium text-accent">
            {t('card.script')}
          </a>
        </div>
      </div>
      <Arrival token={out ? undefined : token?.id} />
    </Card>
  )
}

const STRIP = 'state-change flex min-h-11 flex-wrap items-center gap-x-2.5 border-t px-4 py-2'

function Arrival({ token }: { token: string | undefined }) {
  const { node, online } = useArrival(token)
  if (node && online) {
    return (
      <div role="status" className={cx(STRIP, 'border-run-line bg-run-tint')}>
        <span className="text-run-fg">
          <Mark shape="ok" size={16} />
        </span>
        <span className="font-medium text-run-fg">{t('card.ready', { name: node.name })}</span>
        <Link
          to="/nodes/$node"
          params={{ node: node.id }}
          onClick={forget}
          className="hit ml-auto font-medium text-accent"
        >
          {t('open', { name: node.name })}
        </Link>
      </div>
    )
  }
  return (
    <div role="status" className={cx(STRIP, 'border-move-line bg-move-tint')}>
      <Spinner className="text-move-dot" />
      <span className="font-medium text-move-fg">
        {node ? t('card.connects', { name: node.name }) : t('waiting')}
      </span>
      <span className="text-t2">{t('card.by_itself')}</span>
      <Link to="/nodes" search={{ join: true }} className="hit ml-auto font-medium text-accent">
        {t('card.other')}
      </Link>
    </div>
  )
}
