import { useInfiniteQuery, useQueries, useQuery } from '@tanstack/react-query'
import { eggsQuery, nestsQuery } from '~/api/eggs'
import { mountsQuery } from '~/api/mounts'
import { locationsQuery, peopleQuery, personQuery, plansQuery, rolesQuery } from '~/api/people'
import { nodesQuery } from '~/api/queries'
import { merged, serverPagesQuery } from '~/api/server-lists'
import type { AuditRow } from '~/api/types'
import { nounsIn, peopleIn, type Thing, type Things } from '~/util/things'
import { useMay } from './use-may'

/** People who are asked for one by one where there are more than fit on a page. */
const MOST_PEOPLE = 30

type Named = { id: string; name: string }
/** No more than is shown: rows are not drawn anew because a node's load has changed. */
const briefly = (list: Named[]): Named[] => list.map(({ id, name }) => ({ id, name }))

/** Of a quota the entry tells the plan's name itself. */
const ofPlan = ({ resource }: AuditRow) => resource === 'plan'

/**
 * What the rows of the log name, where the reader may know it: the log itself has ids, and what they name may be
 * gone. Lists are read whole where they are short; of very many servers each is taken to be there.
 */
export function useThings(rows: AuditRow[]): Things {
  const { may } = useMay()
  const nouns = nounsIn(rows)
  const some = (key: string, ...names: string[]) => may(key) && names.some((name) => nouns.has(name))
  const nodes = useQuery({ ...nodesQuery, select: briefly, enabled: some('node.read', 'node', 'target') })
  const roles = useQuery({ ...rolesQuery, select: briefly, enabled: some('role.read', 'role') })
  const eggs = useQuery({ ...eggsQuery, select: briefly, enabled: some('egg.read', 'egg') })
  const nests = useQuery({ ...nestsQuery, select: briefly, enabled: some('nest.read', 'nest') })
  const mounts = useQuery({ ...mountsQuery, select: briefly, enabled: some('mount.read', 'mount') })
  const places = useQuery({
    ...locationsQuery,
    select: briefly,
    enabled: some('node.read', 'location', 'target'),
  })
  const plans = useQuery({ ...plansQuery, select: briefly, enabled: may('plan.read') && rows.some(ofPlan) })
  const servers = useInfiniteQuery({
    ...serverPagesQuery(),
    enabled: nouns.has('server') || nouns.has('target'),
    refetchInterval: false,
  })
  const people = usePeople(rows)

  const things = new Map<string, Thing>()
  const put = (kind: Thing['kind'], list: Named[] | undefined, stands = true) => {
    for (const { id, name } of list ?? []) if (name !== '') things.set(id, { kind, name, stands })
  }
  // The log's own names first; what is found in a list stands there still and goes by its name of today.
  put(
    'person',
    rows.flatMap(({ actor }) => actor.user ?? []),
    false,
  )
  put(
    'node',
    rows.flatMap(({ actor }) => (actor.kind === 'node' && actor.by) || []),
    false,
  )
  put(
    'server',
    rows.flatMap(({ server }) => server ?? []),
    servers.hasNextPage,
  )
  put('server', servers.data && merged(servers.data.pages))
  put('node', nodes.data)
  put('role', roles.data)
  put('egg', eggs.data)
  put('nest', nests.data)
  put('mount', mounts.data)
  put('location', places.data)
  put('plan', plans.data)
  put('person', people)
  return things
}

function usePeople(rows: AuditRow[]): Named[] {
  const { user: me, may } = useMay()
  const wanted = peopleIn(rows)
  const enabled = may('person.read')
  const list = useInfiniteQuery({ ...peopleQuery(''), enabled: enabled && wanted.size > 0 })
  const listed = list.data?.pages.flatMap(({ items }) => items) ?? []
  for (const { id } of listed) wanted.delete(id)
  // A list that was read to its end says of the others that they are gone.
  const asked = enabled && list.hasNextPage ? [...wanted].slice(0, MOST_PEOPLE) : []
  const found = useQueries({ queries: asked.map((id) => ({ ...personQuery(id), staleTime: 60_000 })) })
  const all = [...listed, ...found.flatMap(({ data }) => data ?? []), ...(enabled && me ? [me] : [])]
  return all.map(({ id, username }) => ({ id, name: username }))
}
