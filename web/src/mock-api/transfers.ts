import type { Transfer } from '~/api/types'
import { problem, type Route } from './answers'
import { ago, id, nodes } from './data'

let moving: Transfer | undefined
let begun = 0

const node = (n: number) => ({ id: nodes[n]?.id ?? '', name: nodes[n]?.name ?? '' })
const SIZE = 3_400_000_000
const WARNINGS = [
  '4 backups are kept in a directory of node fra-1 ("Local"), which stays there and restores only to servers of that node',
]

/** Copies for eight seconds, and then waits for the word or is there. */
function now(): Transfer | undefined {
  if (!moving || moving.state === 'cancelled') return moving
  const done = Math.min(SIZE, ((Date.now() - begun) / 8000) * SIZE)
  const state = done < SIZE ? 'copying' : moving.wait ? 'ready' : 'done'
  moving = {
    ...moving,
    state,
    done_bytes: done,
    bytes_per_second: state === 'copying' ? SIZE / 8 : 0,
    cancellable: state !== 'done',
    expected_downtime_ms: state === 'copying' ? null : 6400,
    downtime_ms: state === 'done' ? 7100 : null,
  }
  return moving
}

export const transferRoutes: Route[] = [
  ['GET', /^\/servers\/([^/]+)\/transfer$/, () => now() ?? problem(404, 'not_found', 'transfer not found')],
  [
    'POST',
    /^\/servers\/([^/]+)\/transfer$/,
    (_m, body) => {
      const { dry_run, wait } = body as { dry_run?: boolean; wait?: boolean }
      const plan = {
        to: node(1),
        ports: [
          { from: 25565, to: 25565 },
          { from: 25575, to: null },
        ],
        warnings: WARNINGS,
      }
      if (dry_run) return { plan, transfer: null }
      begun = Date.now()
      moving = {
        id: id(4000),
        from: node(0),
        to: node(1),
        state: 'copying',
        step: 'copying',
        pass: 1,
        done_bytes: 0,
        total_bytes: SIZE,
        bytes_per_second: 0,
        files: 4821,
        size_bytes: SIZE,
        skipped: 0,
        expected_downtime_ms: null,
        downtime_ms: null,
        wait: wait ?? false,
        cancellable: true,
        cancel_asked: false,
        ports: [25565, 25570],
        warnings: WARNINGS,
        code: null,
        message: null,
        created_at: ago(0),
        ended_at: null,
      }
      return { plan, transfer: moving }
    },
  ],
  [
    'PATCH',
    /^\/servers\/([^/]+)\/transfer$/,
    () => {
      if (moving) moving = { ...moving, wait: false }
      return now() ?? problem(404, 'not_found', 'transfer not found')
    },
  ],
  [
    'DELETE',
    /^\/servers\/([^/]+)\/transfer$/,
    () => {
      if (moving) moving = { ...moving, state: 'cancelled', cancellable: false, ended_at: ago(0) }
      return moving ?? problem(404, 'not_found', 'transfer not found')
    },
  ],
]
