import { useQuery } from '@tanstack/react-query'
import { useSearch } from '@tanstack/react-router'
import { eggQuery, nodesQuery } from '~/api/queries'
import { EggPicker } from '~/components/egg-picker'
import { PageProblem } from '~/components/page-states'
import { ServerCreateForm } from '~/forms/server-create'
import { usePage } from '~/stores/page'

export function NewServerPage() {
  const { egg } = useSearch({ from: '/app/servers/new' })
  usePage('New server', [{ label: 'Servers', to: '/servers' }, { label: 'New server' }])
  return egg ? <Filled key={egg} eggId={egg} /> : <EggPicker />
}

function Filled({ eggId }: { eggId: string }) {
  const egg = useQuery(eggQuery(eggId))
  const nodes = useQuery(nodesQuery)
  if (egg.isError || (nodes.isError && !nodes.data)) {
    return (
      <PageProblem
        what={egg.isError ? 'egg' : 'node'}
        list={egg.isError ? '/eggs' : '/nodes'}
        error={egg.error ?? nodes.error}
        onRetry={() => void Promise.all([egg.refetch(), nodes.refetch()])}
      />
    )
  }
  if (!egg.data || !nodes.data) return null
  return <ServerCreateForm egg={egg.data} nodes={nodes.data} />
}
