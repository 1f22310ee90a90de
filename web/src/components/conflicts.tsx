import { Link, useNavigate } from '@tanstack/react-router'
import { raw } from '~/api/client'
import type { Server } from '~/api/types'
import { useServerLive } from '~/live/hooks'
import { power } from '~/live/live'
import { toast } from '~/stores/toasts'
import { Banner } from '~/ui/badge'
import { Button } from '~/ui/button'
import { Ago, Since } from '~/ui/time'
import { asksForEula } from '~/util/eula'
import { reasonOf } from './server-bits'

/** Conditions that change what one may do here: said above the tabs, on every tab, with the way out. */
export function ConflictBanners({ server }: { server: Server }) {
  const live = useServerLive(server.id)
  const navigate = useNavigate()
  const nodeAway = server.node.state === 'offline' || live.node?.state === 'offline'
  const banners: React.ReactNode[] = []
  if (nodeAway) {
    const since = live.node?.since
    banners.push(
      <Banner
        key="away"
        family="warn"
        shape="unreachable"
        title={`${server.node.name} is away${since ? '' : '.'}`}
      >
        {since && (
          <>
            for <Since at={since} />.{' '}
          </>
        )}
        The game goes on as it was. What you ask for here waits and is done when the node is back
        {server.applied ? '.' : '; changes are pending.'}
      </Banner>,
    )
  }
  if (server.suspended) {
    banners.push(
      <Banner key="suspended" family="warn" shape="suspended" title="Suspended">
        by an administrator. The files are kept; the server can't be started.
      </Banner>,
    )
  }
  if (server.state === 'installing') {
    const { operation } = server
    banners.push(
      <Banner
        key="installing"
        family="move"
        shape="installing"
        title="Installing"
        actions={
          <Link
            to="/servers/$server/install"
            params={{ server: server.id }}
            search={{}}
            className="hit font-medium text-accent"
          >
            See the log
          </Link>
        }
      >
        for <Since at={server.state_since} precise />
        {operation?.step ? `, ${operation.step}` : ''}
        {operation?.percent != null ? `, ${Math.round(operation.percent)} %` : ''}. Start works when it is
        done.
      </Banner>,
    )
  }
  if (server.install?.result === 'failed' && server.state !== 'installing') {
    banners.push(
      <Banner
        key="failed"
        family="fail"
        shape="error"
        title="Install failed"
        actions={
          <>
            <Link
              to="/servers/$server/install"
              params={{ server: server.id }}
              search={{}}
              className="hit font-medium text-accent"
            >
              See the log
            </Link>
            <Button
              size="sm"
              onClick={() =>
                void navigate({
                  to: '/servers/$server/settings',
                  params: { server: server.id },
                  hash: 'reinstall',
                })
              }
            >
              Reinstall
            </Button>
          </>
        }
      >
        {server.install.message ||
          (server.install.exit_code != null
            ? `with exit code ${server.install.exit_code}.`
            : 'without a reason.')}
      </Banner>,
    )
  } else if (server.state === 'crashed' || server.state === 'error') {
    banners.push(
      <Banner
        key="crashed"
        family="fail"
        shape={server.state}
        title={server.state === 'crashed' ? 'Crashed' : 'Could not start'}
      >
        {[reasonOf(server), server.detail !== reasonOf(server) ? server.detail : undefined]
          .filter(Boolean)
          .join(': ') || 'no reason given'}
        , <Ago at={server.state_since} />
        {server.last_exit ? `, exit code ${server.last_exit.code}` : ''}.
      </Banner>,
    )
  }
  if (asksForEula(server.features, live.log)) banners.push(<EulaBanner key="eula" server={server} />)
  if (!server.applied && !nodeAway && server.state !== 'installing') {
    banners.push(
      <Banner key="pending" family="move" shape="starting" title="Changes are on their way to the node">
        They take effect with the next start.
      </Banner>,
    )
  }
  if (banners.length === 0) return null
  return <div className="flex flex-col gap-2 px-6 pt-4 max-sm:px-3 max-sm:py-2">{banners}</div>
}

/** Minecraft ends until somebody agrees: one button writes the file that it asks for. */
function EulaBanner({ server }: { server: Server }) {
  async function agree() {
    try {
      await raw(`/servers/${server.id}/files/content?path=${encodeURIComponent('/eula.txt')}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/octet-stream' },
        body: 'eula=true\n',
      })
      if (server.state === 'stopped' || server.state === 'crashed') await power(server.id, 'start')
      toast.done('Agreed', 'eula.txt is written; the server starts.')
    } catch (error) {
      toast.error('eula.txt was not written', error)
    }
  }
  return (
    <Banner
      family="warn"
      shape="look"
      title="The game wants its licence accepted"
      actions={
        <>
          <a
            href="https://aka.ms/MinecraftEULA"
            target="_blank"
            rel="noreferrer"
            className="hit font-medium text-accent"
          >
            Read it
          </a>
          <Button size="sm" look="primary" onClick={() => void agree()}>
            Agree and start
          </Button>
        </>
      }
    >
      Mojang's EULA has to be agreed to before the server runs. This writes eula.txt.
    </Banner>
  )
}
