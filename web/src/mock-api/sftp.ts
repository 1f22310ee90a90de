import type { SftpDetails } from '~/api/types'
import { member, type Route } from './answers'

const details = (server: string): SftpDetails => {
  const username = `${member() ? 'tomasz' : 'mira'}.${server.slice(-8)}`
  return {
    host: 'panel.example.net',
    port: 2022,
    username,
    username_long: `${member() ? 'tomasz' : 'mira'}.${server}`,
    url: `sftp://${username}@panel.example.net:2022/`,
    password: !member(),
    host_keys: [
      {
        algorithm: 'ssh-ed25519',
        fingerprint: 'SHA256:Wtl4Lc2E7dZtK1bGvCT4qOaJNmYVXK8zv8mYhL2sQ0o',
        public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti',
      },
      {
        algorithm: 'ecdsa-sha2-nistp256',
        fingerprint: 'SHA256:pF1b2VZq7n3yU0sJ4o8kQm6cR5tX9wE2aH1dL7gN0uY',
        public_key: 'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBA==',
      },
    ],
  }
}

export const sftpRoutes: Route[] = [['GET', /^\/servers\/([^/]+)\/sftp$/, (m) => details(m[1] ?? '')]]
