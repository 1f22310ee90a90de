import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, must } from '~/api/client'
import type { ChecksumAlgorithm, Server } from '~/api/types'
import { FormProblem, ProblemView } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { Facts } from '~/ui/bits'
import { Button } from '~/ui/button'
import { CopyIcon } from '~/ui/copy'
import { Dialog } from '~/ui/dialog'
import { Select } from '~/ui/field'
import { Ago } from '~/ui/time'
import { Skeleton, useSlow } from '~/ui/wait'
import { bytesText } from '~/util/format'
import { nameOf } from '~/util/path'
import { visible } from '~/util/visible'
import { modeText, octal } from './kinds'
import { filesOff } from './rights'

const t = texts('file_dialogs')

const ALGORITHMS: ChecksumAlgorithm[] = ['sha256', 'sha512', 'sha1', 'crc32']

/** What a file or folder is, and what takes longer to find out when it is asked for. */
export function Properties({
  server,
  path,
  onClose,
}: {
  server: Server
  path: string | undefined
  onClose: () => void
}) {
  return (
    <Dialog open={path !== undefined} onClose={onClose} title={nameOf(path ?? '') || t('facts.root')}>
      {path !== undefined && <Body server={server} path={path} />}
    </Dialog>
  )
}

function Body({ server, path }: { server: Server; path: string }) {
  const where = { path: { server: server.id }, query: { path } }
  const entry = useQuery({
    queryKey: ['server', server.id, 'stat', path],
    queryFn: () => must(api.GET('/servers/{server}/files/stat', { params: where })),
    staleTime: 0,
  })
  const slow = useSlow()
  if (entry.isError) return <ProblemView error={entry.error} onRetry={() => void entry.refetch()} />
  const it = entry.data
  const directory = it?.kind === 'directory'
  const blank = slow ? <Skeleton className="ml-auto h-3 w-24" /> : ''
  return (
    <div className="flex flex-col gap-5">
      <Facts
        rows={[
          [t('facts.path'), <Copied key="path" text={path} label={t('facts.copy_path')} />],
          [t('facts.kind'), it ? (t.maybe(`kind.${it.kind}`) ?? it.kind) : blank],
          ...(it?.target
            ? [[t('facts.target'), <Mono key="target">{it.target}</Mono>] as [string, React.ReactNode]]
            : []),
          [
            t('facts.size'),
            it
              ? directory
                ? ''
                : t('facts.bytes', { size: bytesText(it.size_bytes), n: it.size_bytes })
              : blank,
          ],
          [t('facts.changed'), it ? <Ago key="at" at={it.modified_at} /> : blank],
          [t('facts.mode'), it ? <Mono key="mode">{`${octal(it.mode)} ${modeText(it.mode)}`}</Mono> : blank],
        ]}
      />
      {it?.kept_back && <p className="text-t2">{t('facts.kept_back')}</p>}
      {directory && <Usage server={server} path={path} />}
      {it?.kind === 'file' && !it.kept_back && <Sum server={server} path={path} />}
    </div>
  )
}

function Mono({ children }: { children: string }) {
  return <span className="mono text-12">{visible(children)}</span>
}

function Copied({ text, label }: { text: string; label: string }) {
  return (
    <span className="inline-flex max-w-full items-center gap-0.5">
      <span className="mono truncate text-12" title={visible(text)}>
        {visible(text)}
      </span>
      <CopyIcon text={text} label={label} />
    </span>
  )
}

function Usage({ server, path }: { server: Server; path: string }) {
  const [wanted, setWanted] = useState(false)
  const usage = useQuery({
    queryKey: ['server', server.id, 'usage', path],
    queryFn: () =>
      must(
        api.GET('/servers/{server}/files/usage', {
          params: { path: { server: server.id }, query: { path } },
        }),
      ),
    enabled: wanted,
    staleTime: 0,
  })
  return (
    <section className="flex min-h-14 flex-col gap-2 border-t border-line pt-4">
      <div className="flex items-center gap-3">
        <h3 className="flex-1 font-medium">{t('usage')}</h3>
        {usage.data ? (
          <span className="num">
            {t(usage.data.complete ? 'usage.is' : 'usage.at_least', {
              size: bytesText(usage.data.disk_bytes),
              n: usage.data.entries,
            })}
          </span>
        ) : (
          <Button
            size="sm"
            busy={usage.isFetching}
            onClick={() => (wanted ? void usage.refetch() : setWanted(true))}
          >
            {t('usage.count')}
          </Button>
        )}
      </div>
      <FormProblem error={usage.error} />
    </section>
  )
}

function Sum({ server, path }: { server: Server; path: string }) {
  const [algorithm, setAlgorithm] = useState<ChecksumAlgorithm>('sha256')
  const [wanted, setWanted] = useState(false)
  const query = { path, algorithm }
  const sum = useQuery({
    queryKey: ['server', server.id, 'checksum', path, algorithm],
    queryFn: () =>
      must(api.GET('/servers/{server}/files/checksum', { params: { path: { server: server.id }, query } })),
    enabled: wanted,
    staleTime: 0,
    retry: false,
  })
  return (
    <section className="flex min-h-14 flex-col gap-2 border-t border-line pt-4">
      <div className="flex items-center gap-2">
        <h3 className="flex-1 font-medium">{t('checksum')}</h3>
        <Select
          aria-label={t('checksum.way')}
          className="w-32"
          value={algorithm}
          onChange={(event) => {
            setAlgorithm(event.target.value as ChecksumAlgorithm)
            setWanted(false)
          }}
        >
          {ALGORITHMS.map((each) => (
            <option key={each} value={each}>
              {t(`checksum.${each}`)}
            </option>
          ))}
        </Select>
        <Button
          busy={sum.isFetching}
          off={filesOff(server).read}
          onClick={() => (wanted ? void sum.refetch() : setWanted(true))}
        >
          {t('checksum.sum')}
        </Button>
      </div>
      {sum.data && wanted && (
        <div className="flex items-start gap-1">
          <code className="mono min-w-0 flex-1 text-12 text-t1 [overflow-wrap:anywhere]">
            {sum.data.digest}
          </code>
          <CopyIcon text={sum.data.digest} label={t('checksum.copy')} />
        </div>
      )}
      <FormProblem error={sum.error} />
    </section>
  )
}
