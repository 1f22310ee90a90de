import { Link } from '@tanstack/react-router'
import type { ServerSummary } from '~/api/types'
import { texts } from '~/i18n/texts'
import { GameTile } from '~/ui/bits'
import { Address } from '~/ui/copy-box'
import { gameIcon } from '~/util/game-icon'
import { FAMILY, shownState } from '~/util/state'
import { SPARK_ROWS, StateNote, UsageCell } from './server-bits'
import { StateBadge } from './state-badge'

const t = texts('servers')

/** Exceptions first: on a phone the one that failed must not be three screens down. */
const RANK = { fail: 0, warn: 1, move: 2, run: 3, stop: 4 } as const

export function ServerCards({
  servers,
  phoneOnly,
  ranked,
}: {
  servers: ServerSummary[]
  phoneOnly: boolean
  /** Exceptions first; not in a list that grows at its end, which would move what one reads. */
  ranked: boolean
}) {
  const sparks = servers.length <= SPARK_ROWS
  const sorted = ranked
    ? [...servers].sort((a, b) => RANK[FAMILY[shownState(a)]] - RANK[FAMILY[shownState(b)]])
    : servers
  return (
    <ul
      className={
        phoneOnly
          ? 'flex flex-col gap-2 sm:hidden'
          : 'grid grid-cols-[repeat(auto-fill,minmax(320px,1fr))] gap-4 max-sm:grid-cols-1 max-sm:gap-2'
      }
    >
      {sorted.map((server) => {
        const state = shownState(server)
        return (
          <li
            key={server.id}
            className="hoverable relative rounded-box border border-line bg-surface p-3 hover:border-line-2"
          >
            <div className="flex items-center gap-2.5">
              <GameTile icon={gameIcon(server.egg.name)} />
              <div className="min-w-0 flex-1">
                <Link
                  to="/servers/$server"
                  params={{ server: server.id }}
                  className="block truncate text-14 leading-[18px] font-medium after:absolute after:inset-0"
                >
                  {server.name}
                </Link>
                <div className="truncate text-12 text-t3">
                  {state === 'running' ? server.egg.name : <StateNote server={server} />}
                </div>
              </div>
              <StateBadge state={state} />
            </div>
            <div className="relative z-1 mt-2 flex h-5 w-fit items-center">
              {server.address ? (
                <Address text={server.address.display} />
              ) : (
                <span className="text-t3">{t('card.no_address')}</span>
              )}
            </div>
            <div className="mt-2 grid grid-cols-2 gap-3">
              <UsageCell server={server} what="cpu" sparks={sparks} label={t('card.cpu')} />
              <UsageCell server={server} what="memory" sparks={sparks} label={t('card.memory')} />
            </div>
          </li>
        )
      })}
    </ul>
  )
}
