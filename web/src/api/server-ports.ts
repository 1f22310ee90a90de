import { api, must } from './client'
import { keys, queryClient } from './queries'
import type { PortChange, Server } from './types'

/** Adds ports, gives some back or makes one the first; the game has them from its next start on. */
export async function changePorts(server: Pick<Server, 'id' | 'node'>, ports: PortChange): Promise<Server> {
  const fresh = await must(
    api.PATCH('/servers/{server}', { params: { path: { server: server.id } }, body: { ports } }),
  )
  queryClient.setQueryData<Server>(keys.server(server.id), (old) => ({ ...(old ?? fresh), ...fresh }))
  void queryClient.invalidateQueries({ queryKey: keys.servers })
  void queryClient.invalidateQueries({ queryKey: keys.allocations(server.node.id) })
  return fresh
}

/** What players see in place of a port's address; empty for the address itself. */
export async function changeAlias(
  server: Pick<Server, 'id' | 'node'>,
  port: string,
  alias: string,
): Promise<void> {
  const { node } = server
  await must(
    api.PATCH('/nodes/{node}/allocations/{id}', {
      params: { path: { node: node.id, id: port } },
      body: { alias },
    }),
  )
  void queryClient.invalidateQueries({ queryKey: keys.servers })
  void queryClient.invalidateQueries({ queryKey: keys.allocations(node.id) })
  await queryClient.invalidateQueries({ queryKey: keys.server(server.id), exact: true })
}
