import { useQuery } from '@tanstack/react-query'
import { locationsQuery } from '~/api/people'
import { useMay } from './use-may'

/** What the locations are called, by id; empty for those who may not see them. */
export function useLocationNames(): ReadonlyMap<string, string> {
  const { may } = useMay()
  const { data } = useQuery({ ...locationsQuery, enabled: may('node.read') })
  return new Map(data?.map(({ id, name }) => [id, name]))
}
