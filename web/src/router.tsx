import { createRootRoute, createRoute, createRouter, Outlet, redirect } from '@tanstack/react-router'
import type { AuditSearch } from './api/audit'
import type { Span } from './api/metrics'
import { Problem } from './api/problem'
import { frontQuery, loginsQuery, providersQuery, queryClient, sessionQuery } from './api/queries'
import { NotFound, PageFailed, RootFailed } from './components/page-states'
import { page, spoken } from './i18n/page'
import { expectMore } from './i18n/texts'
import { midnight } from './util/days'
import { among, ownPath, taking, text, whole, yes } from './util/search'
import { type SsoCode, ssoCode } from './util/sso'

function day(value: unknown): string | undefined {
  return typeof value === 'string' && midnight(value) ? value : undefined
}

const root = createRootRoute({
  component: Outlet,
  notFoundComponent: spoken(NotFound),
  errorComponent: spoken(RootFailed),
})

const back = { next: ownPath }
const refused = { sso: ssoCode }

/** Waits for what decides how high the page is, so that nothing moves later; but not for long. */
async function briefly(...reads: Promise<unknown>[]): Promise<void> {
  await Promise.race([Promise.all(reads), new Promise((resolve) => setTimeout(resolve, 500))])
}

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: taking<{ next?: string; sso?: SsoCode }>({ ...back, ...refused }),
  loader: () => briefly(queryClient.prefetchQuery(providersQuery), queryClient.prefetchQuery(frontQuery)),
  component: page(() => import('./pages/login'), 'LoginPage'),
})

const forgotPassword = createRoute({
  getParentRoute: () => root,
  path: '/forgot-password',
  validateSearch: taking<{ next?: string }>(back),
  component: page(() => import('./pages/forgot-password'), 'ForgotPasswordPage'),
})

const signUp = createRoute({
  getParentRoute: () => root,
  path: '/sign-up',
  component: page(() => import('./pages/sign-up'), 'SignUpPage'),
})

const setPassword = createRoute({
  getParentRoute: () => root,
  path: '/set-password',
  component: page(() => import('./pages/set-password'), 'SetPasswordPage'),
})

const confirmEmail = createRoute({
  getParentRoute: () => root,
  path: '/confirm-email',
  component: page(() => import('./pages/confirm-email'), 'ConfirmEmailPage'),
})

const password = createRoute({
  getParentRoute: () => root,
  path: '/password',
  validateSearch: taking<{ next?: string }>(back),
  beforeLoad: async () => {
    const session = await queryClient.ensureQueryData(sessionQuery).catch(() => undefined)
    if (!session) throw redirect({ to: '/login' })
  },
  component: page(() => import('./pages/password'), 'PasswordPage'),
})

const secondStep = createRoute({
  getParentRoute: () => root,
  path: '/second-step',
  validateSearch: taking<{ next?: string }>(back),
  beforeLoad: async ({ search }) => {
    const session = await queryClient.ensureQueryData(sessionQuery).catch(() => undefined)
    if (!session) throw redirect({ to: '/login' })
    if (session.second_factor_wanted_by !== 'panel') throw redirect({ to: search.next ?? '/' })
  },
  component: page(() => import('./pages/second-step'), 'SecondStepPage'),
})

const app = createRoute({
  getParentRoute: () => root,
  id: 'app',
  beforeLoad: async ({ location }) => {
    expectMore()
    try {
      const session = await queryClient.ensureQueryData(sessionQuery)
      if (session.user.must_change_password)
        throw redirect({ to: '/password', search: { next: location.href } })
      if (session.second_factor_wanted_by === 'panel')
        throw redirect({ to: '/second-step', search: { next: location.href } })
    } catch (error) {
      if (error instanceof Problem && (error.status === 401 || error.code === 'account_suspended')) {
        throw redirect({ to: '/login', search: location.href === '/' ? {} : { next: location.href } })
      }
      throw error
    }
  },
  component: page(() => import('./components/shell'), 'Shell'),
})

const overview = createRoute({
  getParentRoute: () => app,
  path: '/',
  component: page(() => import('./pages/overview'), 'OverviewPage'),
})

export const SERVER_FILTERS = ['running', 'failed', 'look', 'moving', 'stopped'] as const
export type ServerFilter = (typeof SERVER_FILTERS)[number]

const servers = createRoute({
  getParentRoute: () => app,
  path: '/servers',
  validateSearch: taking<{ q?: string; state?: ServerFilter; node?: string; view?: 'cards' }>({
    q: text,
    state: among(...SERVER_FILTERS),
    node: text,
    view: among('cards'),
  }),
  component: page(() => import('./pages/servers'), 'ServersPage'),
})

const newServer = createRoute({
  getParentRoute: () => app,
  path: '/servers/new',
  validateSearch: taking<{ egg?: string; node?: string }>({ egg: text, node: text }),
  component: page(() => import('./pages/server-new'), 'NewServerPage'),
})

const server = createRoute({
  getParentRoute: () => app,
  path: '/servers/$server',
  component: page(() => import('./pages/server'), 'ServerPage'),
})

const RANGES = ['1h', '24h', '7d'] as const satisfies readonly Span[]

const serverConsole = createRoute({
  getParentRoute: () => server,
  path: '/',
  validateSearch: taking<{ range?: Span; find?: string }>({ range: among(...RANGES), find: text }),
  component: page(() => import('./pages/server-console'), 'ServerConsolePage'),
})

interface FilesSearch {
  path?: string
  edit?: string
  line?: number
  sort?: string
  view?: 'trash' | 'search' | 'archive'
  inside?: string
  name?: string
  text?: string
  regex?: true
  exact?: true
}

const serverFiles = createRoute({
  getParentRoute: () => server,
  path: '/files',
  validateSearch: taking<FilesSearch>({
    path: text,
    edit: text,
    line: whole,
    sort: text,
    view: among('trash', 'search', 'archive'),
    inside: text,
    name: text,
    text,
    regex: yes,
    exact: yes,
  }),
  component: page(() => import('./pages/server-files'), 'ServerFilesPage'),
})

const serverInstall = createRoute({
  getParentRoute: () => server,
  path: '/install',
  validateSearch: taking<{ operation?: string }>({ operation: text }),
  component: page(() => import('./pages/server-install'), 'ServerInstallPage'),
})

const serverDatabases = createRoute({
  getParentRoute: () => server,
  path: '/databases',
  component: page(() => import('./pages/server-databases'), 'ServerDatabasesPage'),
})

const serverBackups = createRoute({
  getParentRoute: () => server,
  path: '/backups',
  component: page(() => import('./pages/server-backups'), 'ServerBackupsPage'),
})

const serverUsers = createRoute({
  getParentRoute: () => server,
  path: '/users',
  component: page(() => import('./pages/server-users'), 'ServerUsersPage'),
})

const serverActivity = createRoute({
  getParentRoute: () => server,
  path: '/activity',
  validateSearch: taking<{ action?: string }>({ action: text }),
  component: page(() => import('./pages/server-activity'), 'ServerActivityPage'),
})

const serverSettings = createRoute({
  getParentRoute: () => server,
  path: '/settings',
  component: page(() => import('./pages/server-settings'), 'ServerSettingsPage'),
})

const nodes = createRoute({
  getParentRoute: () => app,
  path: '/nodes',
  validateSearch: taking<{ join?: true }>({ join: yes }),
  component: page(() => import('./pages/nodes'), 'NodesPage'),
})

const node = createRoute({
  getParentRoute: () => app,
  path: '/nodes/$node',
  validateSearch: taking<{ join?: true }>({ join: yes }),
  component: page(() => import('./pages/node'), 'NodePage'),
})

const nodeOverview = createRoute({
  getParentRoute: () => node,
  path: '/',
  validateSearch: taking<{ range?: Span }>({ range: among(...RANGES) }),
  component: page(() => import('./pages/node-overview'), 'NodeOverviewPage'),
})

const nodeAllocations = createRoute({
  getParentRoute: () => node,
  path: '/allocations',
  component: page(() => import('./pages/node-allocations'), 'NodeAllocationsPage'),
})

const nodeSettings = createRoute({
  getParentRoute: () => node,
  path: '/settings',
  component: page(() => import('./pages/node-settings'), 'NodeSettingsPage'),
})

const eggs = createRoute({
  getParentRoute: () => app,
  path: '/eggs',
  validateSearch: taking<{ nest?: string }>({ nest: text }),
  component: page(() => import('./pages/eggs'), 'EggsPage'),
})

const egg = createRoute({
  getParentRoute: () => app,
  path: '/eggs/$egg',
  component: page(() => import('./pages/egg'), 'EggPage'),
})

const people = createRoute({
  getParentRoute: () => app,
  path: '/people',
  validateSearch: taking<{ q?: string; new?: true }>({ q: text, new: yes }),
  component: page(() => import('./pages/people'), 'PeoplePage'),
})

const person = createRoute({
  getParentRoute: () => app,
  path: '/people/$user',
  component: page(() => import('./pages/person'), 'PersonPage'),
})

const roles = createRoute({
  getParentRoute: () => app,
  path: '/roles',
  validateSearch: taking<{ new?: true }>({ new: yes }),
  component: page(() => import('./pages/roles'), 'RolesPage'),
})

const role = createRoute({
  getParentRoute: () => app,
  path: '/roles/$role',
  component: page(() => import('./pages/role'), 'RolePage'),
})

const plans = createRoute({
  getParentRoute: () => app,
  path: '/plans',
  validateSearch: (search: Record<string, unknown>): { new?: true } =>
    search.new ? { new: true as const } : {},
  component: page(() => import('./pages/plans'), 'PlansPage'),
})

const audit = createRoute({
  getParentRoute: () => app,
  path: '/audit',
  validateSearch: taking<AuditSearch>({ user: text, server: text, action: text, from: day, to: day }),
  component: page(() => import('./pages/audit'), 'AuditPage'),
})

const consumers = createRoute({
  getParentRoute: () => app,
  path: '/consumers',
  component: page(() => import('./pages/consumers'), 'ConsumersPage'),
})

const registries = createRoute({
  getParentRoute: () => app,
  path: '/registries',
  component: page(() => import('./pages/registries'), 'RegistriesPage'),
})

const databaseHosts = createRoute({
  getParentRoute: () => app,
  path: '/database-hosts',
  component: page(() => import('./pages/database-hosts'), 'DatabaseHostsPage'),
})

const backupStores = createRoute({
  getParentRoute: () => app,
  path: '/backup-stores',
  component: page(() => import('./pages/backup-stores'), 'BackupStoresPage'),
})

const mounts = createRoute({
  getParentRoute: () => app,
  path: '/mounts',
  validateSearch: taking<{ new?: true }>({ new: yes }),
  component: page(() => import('./pages/mounts'), 'MountsPage'),
})

const settings = createRoute({
  getParentRoute: () => app,
  path: '/settings',
  component: page(() => import('./pages/settings'), 'SettingsPage'),
})

const operations = createRoute({
  getParentRoute: () => app,
  path: '/operations',
  component: page(() => import('./pages/operations'), 'OperationsPage'),
})

const account = createRoute({
  getParentRoute: () => app,
  path: '/account',
  validateSearch: taking<{ sso?: SsoCode }>(refused),
  loader: () => briefly(queryClient.prefetchQuery(providersQuery), queryClient.prefetchQuery(loginsQuery)),
  component: page(() => import('./pages/account'), 'AccountPage'),
})

export const router = createRouter({
  routeTree: root.addChildren([
    login,
    forgotPassword,
    signUp,
    setPassword,
    confirmEmail,
    password,
    secondStep,
    app.addChildren([
      overview,
      servers,
      newServer,
      server.addChildren([
        serverConsole,
        serverFiles,
        serverInstall,
        serverDatabases,
        serverBackups,
        serverUsers,
        serverActivity,
        serverSettings,
      ]),
      nodes,
      node.addChildren([nodeOverview, nodeAllocations, nodeSettings]),
      eggs,
      egg,
      people,
      person,
      roles,
      role,
      plans,
      audit,
      consumers,
      registries,
      databaseHosts,
      backupStores,
      mounts,
      operations,
      settings,
      account,
    ]),
  ]),
  defaultPreload: 'intent',
  defaultPreloadStaleTime: 0,
  scrollRestoration: true,
  defaultErrorComponent: spoken(PageFailed),
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
