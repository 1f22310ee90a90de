/** Addresses of pages, in one place. Used where a typed <Link> can't be, such as document titles and e2e. */
export const links = {
  servers: '/servers',
  newServer: '/servers/new',
  server: (id: string) => `/servers/${id}`,
  nodes: '/nodes',
  node: (id: string) => `/nodes/${id}`,
  eggs: '/eggs',
  consumers: '/consumers',
  people: '/people',
  roles: '/roles',
  plans: '/plans',
  audit: '/audit',
  registries: '/registries',
  databaseHosts: '/database-hosts',
  operations: '/operations',
  account: '/account',
  login: '/login',
} as const
