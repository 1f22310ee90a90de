import { useQuery } from '@tanstack/react-query'
import { useSearch } from '@tanstack/react-router'
import { eggQuery } from '~/api/eggs'
import { nodesQuery } from '~/api/queries'
import { EggPicker } from '~/components/egg-picker'
import { PageProblem } from '~/components/page-states'
import { ServerCreateForm } from '~/forms/server-create'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'

const servers = texts('servers')

export function NewServerPage() {
  const { egg } = useSearch({ from: '/app/servers/new' })
  usePage(servers('new'), [{ label: servers('title'), to: '/servers' }, { label: servers('new') }])
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
