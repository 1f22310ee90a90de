import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { sftpQuery } from '~/api/files'
import { ProblemView } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { CopyIcon } from '~/ui/copy'
import { SkeletonRows } from '~/ui/wait'

const t = texts('sftp')

/** What an SFTP client is told to reach a server's files; each with a button that copies it. */
export default function SftpFacts({ server }: { server: string }) {
  const { data, error, isPending, refetch } = useQuery(sftpQuery(server))
  if (isPending) return <SkeletonRows rows={4} height="h-8" />
  if (error) return <ProblemView error={error} onRetry={() => void refetch()} />
  return (
    <div className="flex flex-col gap-3">
      <dl className="flex flex-col gap-1 text-13">
        <Fact label={t('host')} text={data.host} />
        <Fact label={t('port')} text={String(data.port)} />
        <Fact label={t('username')} text={data.username} />
        <Fact label={t('address')} text={data.url} />
        {data.host_keys.map((key) => (
          <Fact
            key={key.algorithm}
            label={t('fingerprint', { algorithm: key.algorithm })}
            text={key.fingerprint}
          />
        ))}
      </dl>
      <p className="text-12 text-t2">
        {t.rich(data.password ? 'proof' : 'proof_two_steps', {
          link: (inner: ReactNode) => (
            <Link to="/account" className="text-accent underline underline-offset-2">
              {inner}
            </Link>
          ),
        })}
      </p>
    </div>
  )
}

function Fact({ label, text }: { label: string; text: string }) {
  return (
    <div className="grid grid-cols-[160px_minmax(0,1fr)] items-center gap-x-3 max-sm:grid-cols-1">
      <dt className="text-t3">{label}</dt>
      <dd className="flex min-h-7 min-w-0 items-center gap-1">
        <span className="mono min-w-0 text-12 [overflow-wrap:anywhere]">{text}</span>
        <CopyIcon text={text} label={t('copy', { what: label })} />
      </dd>
    </div>
  )
}
