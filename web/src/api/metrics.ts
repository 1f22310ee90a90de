import { queryOptions } from '@tanstack/react-query'
import { api, must } from './client'
import { keys } from './queries'

export type Span = '1h' | '24h' | '7d'

const SPANS: Record<Span, { seconds: number; step: number }> = {
  '1h': { seconds: 3600, step: 15 },
  '24h': { seconds: 86_400, step: 60 },
  '7d': { seconds: 604_800, step: 3600 },
}

export function metricsQuery(kind: 'servers' | 'nodes', id: string, span: Span) {
  const { seconds, step } = SPANS[span]
  return queryOptions({
    queryKey: [kind, id, 'metrics', span],
    queryFn: () => {
      const now = Date.now()
      const query = {
        from: new Date(now - seconds * 1000).toISOString(),
        to: new Date(now).toISOString(),
        step,
      }
      return kind === 'servers'
        ? must(api.GET('/servers/{server}/metrics', { params: { path: { server: id }, query } }))
        : must(api.GET('/nodes/{node}/metrics', { params: { path: { node: id }, query } }))
    },
    refetchInterval: span === '1h' ? 15_000 : 60_000,
    staleTime: 10_000,
  })
}

/** The newest runs: when the game began and ended is drawn into its charts. */
export function runsQuery(server: string) {
  return queryOptions({
    queryKey: [...keys.server(server), 'runs'],
    queryFn: async () =>
      (await must(api.GET('/servers/{server}/runs', { params: { path: { server }, query: { limit: 100 } } })))
        .items,
    staleTime: 30_000,
  })
}
