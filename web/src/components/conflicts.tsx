import { Link, useNavigate } from '@tanstack/react-router'
import { raw } from '~/api/client'
import type { Server } from '~/api/types'
import { texts } from '~/i18n/texts'
import { useServerLive } from '~/live/hooks'
import { power } from '~/live/live'
import { toast } from '~/stores/toasts'
import { Banner } from '~/ui/badge'
import { Button } from '~/ui/button'
import { Ago, Since } from '~/ui/time'
import { asksForEula } from '~/util/eula'
import { visible } from '~/util/visible'
import { reasonOf } from './server-bits'

const t = texts('server')

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
        title={t(since ? 'away' : 'away_end', { node: server.node.name })}
      >
        {since && <>{t.rich('away_for', { since: <Since at={since} /> })} </>}
        {t(server.applied ? 'away_note' : 'away_pending')}
      </Banner>,
    )
  }
  if (server.suspended) {
    banners.push(
      <Banner key="suspended" family="warn" shape="suspended" title={t('suspended')}>
        {t('suspended_note')}
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
        title={t('installing')}
        actions={
          <Link
            to="/servers/$server/install"
            params={{ server: server.id }}
            search={{}}
            className="hit font-medium text-accent"
          >
            {t('see_log')}
          </Link>
        }
      >
        {t.rich('installing_note', {
          since: <Since at={server.state_since} precise />,
          so_far: [operation?.step, operation?.percent != null && `${Math.round(operation.percent)} %`]
            .filter(Boolean)
            .map((fact) => `, ${fact}`)
            .join(''),
        })}
      </Banner>,
    )
  }
  if (server.install?.result === 'failed' && server.state !== 'installing') {
    banners.push(
      <Banner
        key="failed"
        family="fail"
        shape="error"
        title={t('install_failed')}
        actions={
          <>
            <Link
              to="/servers/$server/install"
              params={{ server: server.id }}
              search={{}}
              className="hit font-medium text-accent"
            >
              {t('see_log')}
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
              {t('reinstall')}
            </Button>
          </>
        }
      >
        {visible(server.install.message ?? '') ||
          (server.install.exit_code != null
            ? t('install_exit', { code: server.install.exit_code })
            : t('install_no_reason'))}
      </Banner>,
    )
  } else if (server.state === 'crashed' || server.state === 'error') {
    banners.push(
      <Banner
        key="crashed"
        family="fail"
        shape={server.state}
        title={t(server.state === 'crashed' ? 'crashed' : 'not_started')}
      >
        {t.rich(server.last_exit ? 'crashed_exit' : 'crashed_note', {
          why:
            [reasonOf(server), server.detail !== reasonOf(server) ? server.detail : undefined]
              .filter(Boolean)
              .join(': ') || t('no_reason'),
          ago: <Ago at={server.state_since} />,
          code: server.last_exit?.code ?? '',
        })}
      </Banner>,
    )
  }
  if (asksForEula(server.features, live.log)) banners.push(<EulaBanner key="eula" server={server} />)
  if (!server.applied && !nodeAway && server.state !== 'installing') {
    banners.push(
      <Banner key="pending" family="move" shape="starting" title={t('pending')}>
        {t('pending_note')}
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
      toast.done(t('eula.agreed'), t('eula.written'))
    } catch (error) {
      toast.error(t('eula.failed'), error)
    }
  }
  return (
    <Banner
      family="warn"
      shape="look"
      title={t('eula.title')}
      actions={
        <>
          <a
            href="https://aka.ms/MinecraftEULA"
            target="_blank"
            rel="noreferrer"
            className="hit font-medium text-accent"
          >
            {t('eula.read')}
          </a>
          <Button size="sm" look="primary" onClick={() => void agree()}>
            {t('eula.agree')}
          </Button>
        </>
      }
    >
      {t('eula.note')}
    </Banner>
  )
}
