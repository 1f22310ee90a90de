import type { Reason, Why } from '~/api/types'
import { Badge, Mark } from '~/ui/badge'
import { sentence } from '~/util/format'

/** What begins with "the server" or "whoever" is a sentence by itself; the rest is about the person. */
function reasonText({ kind, text }: Reason, name: string): string {
  return kind === 'share' || kind === 'sees' ? sentence(text) : `${name} ${text}`
}

/** Yes or no, what gives the right, and apart from it what would once a second step is set up. */
export function WhyAnswer({ name, why }: { name: string; why: Why }) {
  const giving = why.because.filter(({ kind }) => kind !== 'role_waits')
  const waiting = why.because.filter(({ kind }) => kind === 'role_waits')
  return (
    <>
      {why.allowed ? (
        <Badge family="run" shape="ok">
          Allowed
        </Badge>
      ) : (
        <Badge family="stop" shape="deleting">
          Not allowed
        </Badge>
      )}
      {why.allowed && <Reasons name={name} reasons={giving} />}
      {!why.allowed && waiting.length === 0 && (
        <p className="mt-2 text-t2">
          Neither a role, a shared server nor a server of their own gives {name} this here.
        </p>
      )}
      {giving.length > 1 && (
        <p className="mt-2 text-12 text-t3">Each of them is enough by itself: all have to go to end it.</p>
      )}
      {waiting.length > 0 && (
        <div className={why.allowed ? 'mt-3' : 'mt-2'}>
          <div className="text-12 text-t3">Waiting for two-step sign-in, gives nothing yet</div>
          <Reasons name={name} reasons={waiting} waiting />
        </div>
      )}
    </>
  )
}

function Reasons({ name, reasons, waiting = false }: { name: string; reasons: Reason[]; waiting?: boolean }) {
  return (
    <ul aria-label={waiting ? 'Waiting' : 'Because'} className="mt-2 flex flex-col gap-1">
      {reasons.map((reason, at) => (
        <li key={at} className="flex gap-2">
          <span className="pt-1">
            <Mark shape={waiting ? 'suspended' : 'ok'} family={waiting ? 'warn' : 'run'} />
          </span>
          <span className="min-w-0 [overflow-wrap:anywhere]">{reasonText(reason, name)}</span>
        </li>
      ))}
    </ul>
  )
}
