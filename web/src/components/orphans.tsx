import { useMutation, useQuery } from '@tanstack/react-query'
import { api, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { Node } from '~/api/types'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'

const t = texts('nodes')

/** Servers that the node runs and the panel does not know, after the panel's database was restored. */
export function Orphans({ node }: { node: Node }) {
  const orphans = useQuery({
    queryKey: ['node', node.id, 'orphans'],
    queryFn: async () =>
      (await must(api.GET('/nodes/{node}/orphans', { params: { path: { node: node.id } } }))).items,
  })
  const decide = useMutation({
    mutationFn: ({ server, action }: { server: string; action: 'adopt' | 'delete' }) =>
      must(
        api.POST('/nodes/{node}/orphans/{server}', {
          params: { path: { node: node.id, server } },
          body: { action },
        }),
      ),
    onSuccess: () => {
      void queryClient.invalidateQueries({ queryKey: ['node', node.id] })
      void queryClient.invalidateQueries({ queryKey: keys.servers })
    },
    onError: (error) => toast.error(t('orphans.failed'), error),
  })
  const items = orphans.data ?? []
  if (items.length === 0) return null
  return (
    <Card className="border-warn-line!">
      <CardHead title={t('orphans')} note={items.length} />
      <p className="border-b border-line px-4 py-2 text-12 text-t3">{t('orphans.note')}</p>
      <ul>
        {items.map(({ server, state }) => (
          <li
            key={server}
            className="flex min-h-11 items-center gap-2 border-t border-line px-4 first:border-0"
          >
            <span className="mono min-w-0 flex-1 truncate text-12">{server}</span>
            <span className="text-12 text-t3">{state}</span>
            <Button size="sm" onClick={() => decide.mutate({ server, action: 'adopt' })}>
              {t('orphans.adopt')}
            </Button>
            <Button size="sm" look="danger" onClick={() => decide.mutate({ server, action: 'delete' })}>
              {t('orphans.delete')}
            </Button>
          </li>
        ))}
      </ul>
    </Card>
  )
}
