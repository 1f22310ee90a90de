import { useQuery } from '@tanstack/react-query'
import { permissionsQuery } from '~/api/people'
import type { Permission } from '~/api/types'

const NONE: Permission[] = []

/** All permission keys and what they allow; none until they are read. */
export function usePermissions(): Permission[] {
  return useQuery(permissionsQuery).data?.keys ?? NONE
}
