import { Link, useNavigate } from '@tanstack/react-router'
import type { ServerSummary } from '~/api/types'
import { Checkbox, GameTile } from '~/ui/bits'
import { Address } from '~/ui/copy'
import { bytesText } from '~/util/format'
import { gameIcon } from '~/util/game-icon'
import { StateCell, UsageCell } from './server-bits'

/** Above this many rows the sparklines would be a request each too many. */
const SPARK_ROWS = 60

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
                aria-label="Select every server"
                checked={every}
                onChange={(e) => onPickAll(e.target.checked)}
              />
            </th>
            <th>Name</th>
            <th>State</th>
            <th>Address</th>
            <th>CPU</th>
            <th>Memory</th>
            <th>Disk</th>
            <th>Node</th>
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
                  aria-label={`Select ${server.name}`}
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
                  <span className="text-t3">none</span>
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
                    <span className="text-t3">no data</span>
                  )}
                </div>
                <div className="text-12 text-t3">
                  {server.limits.disk_bytes ? `of ${bytesText(server.limits.disk_bytes, true)}` : 'no limit'}
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
