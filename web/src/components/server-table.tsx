import { Link, useNavigate } from '@tanstack/react-router'
import type { ServerSummary } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Checkbox, GameTile } from '~/ui/bits'
import { Address } from '~/ui/copy-box'
import { bytesText } from '~/util/format'
import { gameIcon } from '~/util/game-icon'
import { SPARK_ROWS, StateCell, UsageCell } from './server-bits'

const t = texts('servers')

export function ServerTable({
  servers,
  chosen,
  onPick,
  onPickAll,
}: {
  servers: ServerSummary[]
  chosen: Set<string>
  onPick: (id: string, on: boolean) => void
  onPickAll: (on: boolean) => void
}) {
  const sparks = servers.length <= SPARK_ROWS
  const every = servers.every((s) => chosen.has(s.id))
  const navigate = useNavigate()
  return (
    <div
      className={`overflow-x-auto rounded-box border border-line bg-surface max-sm:hidden ${chosen.size > 0 ? 'mb-20' : ''}`}
    >
      <table className="tbl table-fixed min-w-[1140px]">
        <colgroup>
          <col className="w-11" />
          <col />
          <col className="w-[200px]" />
          <col className="w-[236px]" />
          <col className="w-[146px]" />
          <col className="w-[150px]" />
          <col className="w-[96px]" />
          <col className="w-[76px]" />
        </colgroup>
        <thead>
          <tr>
            <th>
              <Checkbox
                aria-label={t('table.select_all')}
                checked={every}
                onChange={(e) => onPickAll(e.target.checked)}
              />
            </th>
            <th>{t('table.name')}</th>
            <th>{t('table.state')}</th>
            <th>{t('table.address')}</th>
            <th>{t('table.cpu')}</th>
            <th>{t('table.memory')}</th>
            <th>{t('table.disk')}</th>
            <th>{t('table.node')}</th>
          </tr>
        </thead>
        <tbody>
          {servers.map((server) => (
            <tr
              key={server.id}
              data-selected={chosen.has(server.id)}
              onClick={(event) => {
                if ((event.target as HTMLElement).closest('a, button, input')) return
                void navigate({ to: '/servers/$server', params: { server: server.id } })
              }}
              className="cursor-pointer"
            >
              <td>
                <Checkbox
                  aria-label={t('table.select', { server: server.name })}
                  checked={chosen.has(server.id)}
                  onChange={(e) => onPick(server.id, e.target.checked)}
                />
              </td>
              <td>
                <div className="flex items-center gap-2.5">
                  <GameTile icon={gameIcon(server.egg.name)} />
                  <div className="min-w-0">
                    <Link
                      to="/servers/$server"
                      params={{ server: server.id }}
                      className="fills-cell block truncate leading-[18px] font-medium text-t1 hover:text-accent"
                    >
                      {server.name}
                    </Link>
                    <div className="truncate text-12 text-t3">{server.egg.name}</div>
                  </div>
                </div>
              </td>
              <td>
                <StateCell server={server} />
              </td>
              <td>
                {server.address ? (
                  <Address text={server.address.display} hideCopy />
                ) : (
                  <span className="text-t3">{t('table.no_address')}</span>
                )}
              </td>
              <td>
                <UsageCell server={server} what="cpu" sparks={sparks} />
              </td>
              <td>
                <UsageCell server={server} what="memory" sparks={sparks} />
              </td>
              <td className="num">
                <div className="leading-[18px]">
                  {server.usage ? (
                    bytesText(server.usage.disk_bytes)
                  ) : (
                    <span className="text-t3">{t('usage.none')}</span>
                  )}
                </div>
                <div className="text-12 text-t3">
                  {server.limits.disk_bytes
                    ? t('usage.of', { limit: bytesText(server.limits.disk_bytes, true) })
                    : t('usage.no_limit')}
                </div>
              </td>
              <td className="truncate text-t2">{server.node.name}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
