import { useMutation } from '@tanstack/react-query'
import { useEffect } from 'react'
import { api, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { DatabaseHost, DatabaseHostTest } from '~/api/types'
import { ProblemView } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { Banner } from '~/ui/badge'
import { Facts } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { SkeletonRows } from '~/ui/wait'
import { visible } from '~/util/visible'

const t = texts('database_hosts')
const common = texts('common')

/** Has the panel log in to a host, and says what it found there. */
export function HostTestDialog({ host, onClose }: { host: DatabaseHost | undefined; onClose: () => void }) {
  return (
    <Dialog
      open={host !== undefined}
      onClose={onClose}
      title={host ? t('test.title', { name: host.name }) : ''}
      note={host && <span className="mono text-12">{`${host.address}:${host.port}`}</span>}
    >
      {host && <Test key={host.id} host={host} onClose={onClose} />}
    </Dialog>
  )
}

function Test({ host, onClose }: { host: DatabaseHost; onClose: () => void }) {
  const test = useMutation({
    mutationFn: () =>
      must(
        api.POST('/database-hosts/{database_host}/test', { params: { path: { database_host: host.id } } }),
      ),
    // What waited for the host is tried again after a good one.
    onSuccess: () => void queryClient.invalidateQueries({ queryKey: keys.databaseHosts }),
  })
  const { mutate } = test
  useEffect(() => mutate(), [mutate])
  return (
    <>
      <div className="flex flex-col gap-3" aria-live="polite">
        {test.isPending && (
          <>
            <span className="sr-only">{t('test.busy')}</span>
            <SkeletonRows rows={3} />
          </>
        )}
        {test.isError && <ProblemView error={test.error} />}
        {test.data && <Found found={test.data} />}
      </div>
      <DialogFoot>
        <Button busy={test.isPending} onClick={() => mutate()}>
          {t('test.again')}
        </Button>
        <Button onClick={onClose}>{common('close')}</Button>
      </DialogFoot>
    </>
  )
}

function Found({ found }: { found: DatabaseHostTest }) {
  const time = (ms: number | null) => (ms === null ? '–' : t('test.ms', { n: ms }))
  const meaning = found.code ? t.maybe(`code.${found.code}`) : undefined
  return (
    <>
      <Banner
        family={found.ok ? 'run' : 'fail'}
        shape={found.ok ? 'ok' : 'error'}
        title={t(found.ok ? 'test.ok' : 'test.bad')}
      >
        {!found.ok && meaning}
      </Banner>
      {!found.ok && found.missing.length === 0 && (
        <p className="mono text-12 text-t2 [overflow-wrap:anywhere]">{visible(found.detail)}</p>
      )}
      {found.version && (
        <Facts
          rows={[
            [t('test.version'), <span key="version">{visible(found.version)}</span>],
            [t('test.connect'), time(found.connect_ms)],
            [t('test.latency'), time(found.latency_ms)],
          ]}
        />
      )}
      <Points title={t('test.missing')} points={found.missing} />
      <Points title={t('test.warnings')} points={found.warnings} />
    </>
  )
}

/** The host's words, and the panel's about it: they are English. */
function Points({ title, points }: { title: string; points: string[] }) {
  if (points.length === 0) return null
  return (
    <div>
      <h3 className="mb-1 font-medium">{title}</h3>
      <ul className="list-disc pl-5 text-12 text-t2">
        {points.map((point) => (
          <li key={point} className="[overflow-wrap:anywhere]">
            {visible(point)}
          </li>
        ))}
      </ul>
    </div>
  )
}
