import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router'
import type { AuditSearch } from './api/audit'
import { Problem } from './api/problem'
import { loginsQuery, providersQuery, queryClient, type Span, sessionQuery } from './api/queries'
import { NotFound, PageFailed, RootFailed } from './components/page-states'
import { midnight } from './util/days'
import { type SsoCode, ssoCode } from './util/sso'

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
function oneOf<T extends string>(value: unknown, allowed: readonly T[]): T | undefined {
  return allowed.find((each) => each === value)
}

function day(value: unknown): string | undefined {
  return typeof value === 'string' && midnight(value) ? value : undefined
}

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: RootFailed })

/** Only our own pages: a link must not use the door to send people elsewhere. */
function nextPage(search: Record<string, unknown>): { next?: string } {
  const next = text(search.next)
  return next?.startsWith('/') && !next.startsWith('//') ? { next } : {}
}

function refused(search: Record<string, unknown>): { sso?: SsoCode } {
  const sso = ssoCode(search.sso)
  return sso ? { sso } : {}
}

/** Waits for what decides how high the page is, so that nothing moves later; but not for long. */
async function briefly(...reads: Promise<unknown>[]): Promise<void> {
  await Promise.race([Promise.all(reads), new Promise((resolve) => setTimeout(resolve, 500))])
}

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: (search: Record<string, unknown>): { next?: string; sso?: SsoCode } => ({
    ...nextPage(search),
    ...refused(search),
  }),
  loader: () => briefly(queryClient.prefetchQuery(providersQuery)),
  component: lazyRouteComponent(() => import('./pages/login'), 'LoginPage'),
})

const forgotPassword = createRoute({
  getParentRoute: () => root,
  path: '/forgot-password',
  validateSearch: nextPage,
  component: lazyRouteComponent(() => import('./pages/forgot-password'), 'ForgotPasswordPage'),
})

const setPassword = createRoute({
  getParentRoute: () => root,
  path: '/set-password',
  component: lazyRouteComponent(() => import('./pages/set-password'), 'SetPasswordPage'),
})

const confirmEmail = createRoute({
  getParentRoute: () => root,
  path: '/confirm-email',
  component: lazyRouteComponent(() => import('./pages/confirm-email'), 'ConfirmEmailPage'),
})

const password = createRoute({
  getParentRoute: () => root,
  path: '/password',
  validateSearch: nextPage,
  beforeLoad: async () => {
    const session = await queryClient.ensureQueryData(sessionQuery).catch(() => undefined)
    if (!session) throw redirect({ to: '/login' })
  },
  component: lazyRouteComponent(() => import('./pages/password'), 'PasswordPage'),
})

const secondStep = createRoute({
  getParentRoute: () => root,
  path: '/second-step',
  validateSearch: nextPage,
  beforeLoad: async ({ search }) => {
    const session = await queryClient.ensureQueryData(sessionQuery).catch(() => undefined)
    if (!session) throw redirect({ to: '/login' })
    if (session.second_factor_wanted_by !== 'panel') throw redirect({ to: search.next ?? '/' })
  },
  component: lazyRouteComponent(() => import('./pages/second-step'), 'SecondStepPage'),
})

const app = createRoute({
  getParentRoute: () => root,
  id: 'app',
  beforeLoad: async ({ location }) => {
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
  component: lazyRouteComponent(() => import('./components/shell'), 'Shell'),
})

const overview = createRoute({
  getParentRoute: () => app,
  path: '/',
  component: lazyRouteComponent(() => import('./pages/overview'), 'OverviewPage'),
})

export const SERVER_FILTERS = ['running', 'failed', 'look', 'moving', 'stopped'] as const
export type ServerFilter = (typeof SERVER_FILTERS)[number]

const servers = createRoute({
  getParentRoute: () => app,
  path: '/servers',
  validateSearch: (
    search: Record<string, unknown>,
  ): { q?: string; state?: ServerFilter; node?: string; view?: 'cards' } => ({
    ...(text(search.q) ? { q: text(search.q) } : {}),
    ...(oneOf(search.state, SERVER_FILTERS) ? { state: oneOf(search.state, SERVER_FILTERS) } : {}),
    ...(text(search.node) ? { node: text(search.node) } : {}),
    ...(search.view === 'cards' ? { view: 'cards' as const } : {}),
  }),
  component: lazyRouteComponent(() => import('./pages/servers'), 'ServersPage'),
})

const newServer = createRoute({
  getParentRoute: () => app,
  path: '/servers/new',
  validateSearch: (search: Record<string, unknown>): { egg?: string; node?: string } => ({
    ...(text(search.egg) ? { egg: text(search.egg) } : {}),
    ...(text(search.node) ? { node: text(search.node) } : {}),
  }),
  component: lazyRouteComponent(() => import('./pages/server-new'), 'NewServerPage'),
})

const server = createRoute({
  getParentRoute: () => app,
  path: '/servers/$server',
  component: lazyRouteComponent(() => import('./pages/server'), 'ServerPage'),
})

const RANGES = ['1h', '24h', '7d'] as const satisfies readonly Span[]

const serverConsole = createRoute({
  getParentRoute: () => server,
  path: '/',
  validateSearch: (search: Record<string, unknown>): { range?: Span; find?: string } => ({
    ...(oneOf(search.range, RANGES) ? { range: oneOf(search.range, RANGES) } : {}),
    ...(text(search.find) ? { find: text(search.find) } : {}),
  }),
  component: lazyRouteComponent(() => import('./pages/server-console'), 'ServerConsolePage'),
})

const serverFiles = createRoute({
  getParentRoute: () => server,
  path: '/files',
  validateSearch: (search: Record<string, unknown>): { path?: string; edit?: string } => ({
    ...(text(search.path) ? { path: text(search.path) } : {}),
    ...(text(search.edit) ? { edit: text(search.edit) } : {}),
  }),
  component: lazyRouteComponent(() => import('./pages/server-files'), 'ServerFilesPage'),
})

const serverInstall = createRoute({
  getParentRoute: () => server,
  path: '/install',
  validateSearch: (search: Record<string, unknown>): { operation?: string } =>
    text(search.operation) ? { operation: text(search.operation) } : {},
  component: lazyRouteComponent(() => import('./pages/server-install'), 'ServerInstallPage'),
})

const serverUsers = createRoute({
  getParentRoute: () => server,
  path: '/users',
  component: lazyRouteComponent(() => import('./pages/server-users'), 'ServerUsersPage'),
})

const serverActivity = createRoute({
  getParentRoute: () => server,
  path: '/activity',
  validateSearch: (search: Record<string, unknown>): { action?: string } =>
    text(search.action) ? { action: text(search.action) } : {},
  component: lazyRouteComponent(() => import('./pages/server-activity'), 'ServerActivityPage'),
})

const serverSettings = createRoute({
  getParentRoute: () => server,
  path: '/settings',
  component: lazyRouteComponent(() => import('./pages/server-settings'), 'ServerSettingsPage'),
})

const nodes = createRoute({
  getParentRoute: () => app,
  path: '/nodes',
  validateSearch: (search: Record<string, unknown>): { join?: true } => (search.join ? { join: true } : {}),
  component: lazyRouteComponent(() => import('./pages/nodes'), 'NodesPage'),
})

const node = createRoute({
  getParentRoute: () => app,
  path: '/nodes/$node',
  validateSearch: (search: Record<string, unknown>): { join?: true } => (search.join ? { join: true } : {}),
  component: lazyRouteComponent(() => import('./pages/node'), 'NodePage'),
})

const nodeOverview = createRoute({
  getParentRoute: () => node,
  path: '/',
  validateSearch: (search: Record<string, unknown>): { range?: Span } =>
    oneOf(search.range, RANGES) ? { range: oneOf(search.range, RANGES) } : {},
  component: lazyRouteComponent(() => import('./pages/node-overview'), 'NodeOverviewPage'),
})

const nodeAllocations = createRoute({
  getParentRoute: () => node,
  path: '/allocations',
  component: lazyRouteComponent(() => import('./pages/node-allocations'), 'NodeAllocationsPage'),
})

const nodeSettings = createRoute({
  getParentRoute: () => node,
  path: '/settings',
  component: lazyRouteComponent(() => import('./pages/node-settings'), 'NodeSettingsPage'),
})

const eggs = createRoute({
  getParentRoute: () => app,
  path: '/eggs',
  component: lazyRouteComponent(() => import('./pages/eggs'), 'EggsPage'),
})

const egg = createRoute({
  getParentRoute: () => app,
  path: '/eggs/$egg',
  component: lazyRouteComponent(() => import('./pages/egg'), 'EggPage'),
})

const people = createRoute({
  getParentRoute: () => app,
  path: '/people',
  validateSearch: (search: Record<string, unknown>): { q?: string; new?: true } => ({
    ...(text(search.q) ? { q: text(search.q) } : {}),
    ...(search.new ? { new: true as const } : {}),
  }),
  component: lazyRouteComponent(() => import('./pages/people'), 'PeoplePage'),
})

const person = createRoute({
  getParentRoute: () => app,
  path: '/people/$user',
  component: lazyRouteComponent(() => import('./pages/person'), 'PersonPage'),
})

const roles = createRoute({
  getParentRoute: () => app,
  path: '/roles',
  validateSearch: (search: Record<string, unknown>): { new?: true } =>
    search.new ? { new: true as const } : {},
  component: lazyRouteComponent(() => import('./pages/roles'), 'RolesPage'),
})

const role = createRoute({
  getParentRoute: () => app,
  path: '/roles/$role',
  component: lazyRouteComponent(() => import('./pages/role'), 'RolePage'),
})

const plans = createRoute({
  getParentRoute: () => app,
  path: '/plans',
  validateSearch: (search: Record<string, unknown>): { new?: true } =>
    search.new ? { new: true as const } : {},
  component: lazyRouteComponent(() => import('./pages/plans'), 'PlansPage'),
})

const audit = createRoute({
  getParentRoute: () => app,
  path: '/audit',
  validateSearch: (search: Record<string, unknown>): AuditSearch => ({
    ...(text(search.user) ? { user: text(search.user) } : {}),
    ...(text(search.server) ? { server: text(search.server) } : {}),
    ...(text(search.action) ? { action: text(search.action) } : {}),
    ...(day(search.from) ? { from: day(search.from) } : {}),
    ...(day(search.to) ? { to: day(search.to) } : {}),
  }),
  component: lazyRouteComponent(() => import('./pages/audit'), 'AuditPage'),
})

const consumers = createRoute({
  getParentRoute: () => app,
  path: '/consumers',
  component: lazyRouteComponent(() => import('./pages/consumers'), 'ConsumersPage'),
})

const registries = createRoute({
  getParentRoute: () => app,
  path: '/registries',
  component: lazyRouteComponent(() => import('./pages/registries'), 'RegistriesPage'),
})

const operations = createRoute({
  getParentRoute: () => app,
  path: '/operations',
  component: lazyRouteComponent(() => import('./pages/operations'), 'OperationsPage'),
})

const account = createRoute({
  getParentRoute: () => app,
  path: '/account',
  validateSearch: refused,
  loader: () => briefly(queryClient.prefetchQuery(providersQuery), queryClient.prefetchQuery(loginsQuery)),
  component: lazyRouteComponent(() => import('./pages/account'), 'AccountPage'),
})

export const router = createRouter({
  routeTree: root.addChildren([
    login,
    forgotPassword,
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
      operations,
      account,
    ]),
  ]),
  defaultPreload: 'intent',
  defaultPreloadStaleTime: 0,
  scrollRestoration: true,
  defaultErrorComponent: PageFailed,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
