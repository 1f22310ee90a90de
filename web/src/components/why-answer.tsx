import type { Reason, Why } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Badge, Mark } from '~/ui/badge'

const t = texts('why')

/** A role's place is known to the panel alone: that sentence is the panel's. */
function reasonText({ kind, text }: Reason, name: string): string {
  switch (kind) {
    case 'admin':
    case 'owner':
      return t(`reason.${kind}`, { name })
    case 'share':
    case 'sees':
      return t(`reason.${kind}`)
    default:
      return `${name} ${text}`
  }
}

/** Yes or no, what gives the right, and apart from it what would once a second step is set up. */
export function WhyAnswer({ name, why }: { name: string; why: Why }) {
  const giving = why.because.filter(({ kind }) => kind !== 'role_waits')
  const waiting = why.because.filter(({ kind }) => kind === 'role_waits')
  return (
    <>
      {why.allowed ? (
        <Badge family="run" shape="ok">
          {t('allowed')}
        </Badge>
      ) : (
        <Badge family="stop" shape="deleting">
          {t('not_allowed')}
        </Badge>
      )}
      {why.allowed && <Reasons name={name} reasons={giving} />}
      {!why.allowed && waiting.length === 0 && <p className="mt-2 text-t2">{t('nothing', { name })}</p>}
      {giving.length > 1 && <p className="mt-2 text-12 text-t3">{t('each')}</p>}
      {waiting.length > 0 && (
        <div className={why.allowed ? 'mt-3' : 'mt-2'}>
          <div className="text-12 text-t3">{t('waits')}</div>
          <Reasons name={name} reasons={waiting} waiting />
        </div>
      )}
    </>
  )
}

function Reasons({ name, reasons, waiting = false }: { name: string; reasons: Reason[]; waiting?: boolean }) {
  return (
    <ul aria-label={t(waiting ? 'waiting' : 'because')} className="mt-2 flex flex-col gap-1">
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
