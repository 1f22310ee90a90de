import { useQuery } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { secondFactorQuery } from '~/api/account'
import { api, must } from '~/api/client'
import { keys, queryClient } from '~/api/queries'
import type { SecondFactor } from '~/api/types'
import { SecondFactorBegin } from '~/forms/second-factor-begin'
import { SecondFactorProve } from '~/forms/second-factor-prove'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Badge, Mark } from '~/ui/badge'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Dialog } from '~/ui/dialog'
import { Ago } from '~/ui/time'
import { SkeletonRows } from '~/ui/wait'
import { cx } from '~/util/cx'
import { ALL_CODES, FEW_CODES } from '~/util/second-factor'
import { ProblemView } from './problem-view'
import { RecoveryCodes } from './recovery-codes'

const t = texts('account')
const common = texts('common')

type Open = 'begin' | 'renew' | 'off'

/** Whether one's own sign-in takes a second step, and changing that. */
export function SecondFactorCard({ account }: { account: string }) {
  const query = useQuery(secondFactorQuery)
  const [open, setOpen] = useState<Open>()
  const now = query.data
  const close = () => setOpen(undefined)
  return (
    <Card>
      <CardHead title={t('two_step.title')}>
        {now?.on && (
          <Badge family="run" shape="ok">
            {t('two_step.on')}
          </Badge>
        )}
      </CardHead>
      {query.isPending && <SkeletonRows rows={1} height="h-20" />}
      {query.isError && (
        <div className="p-4">
          <ProblemView error={query.error} onRetry={() => void query.refetch()} />
        </div>
      )}
      {now && (now.on ? <On now={now} onOpen={setOpen} /> : <Off now={now} onOpen={setOpen} />)}
      <BeginDialog open={open === 'begin'} account={account} onClose={close} />
      <RenewDialog open={open === 'renew'} account={account} onClose={close} />
      <OffDialog open={open === 'off'} onClose={close} />
    </Card>
  )
}

function Line({ actions, children }: { actions: ReactNode; children: ReactNode }) {
  return (
    <div className="flex min-h-20 flex-wrap items-center justify-end gap-x-6 gap-y-3 px-4 py-3">
      <div className="min-w-0 flex-1 basis-72">{children}</div>
      <div className="flex flex-wrap justify-end gap-2">{actions}</div>
    </div>
  )
}

function Off({ now, onOpen }: { now: SecondFactor; onOpen: (open: Open) => void }) {
  return (
    <Line actions={<Button onClick={() => onOpen('begin')}>{t('two_step.set_up')}</Button>}>
      <p className="text-t2">{t('two_step.off_note')}</p>
      {now.wanted_by === 'role' && (
        <p className="mt-1 flex gap-2">
          <span className="pt-1">
            <Mark shape="suspended" family="warn" />
          </span>
          {t('two_step.role_waits')}
        </p>
      )}
    </Line>
  )
}

function On({ now, onOpen }: { now: SecondFactor; onOpen: (open: Open) => void }) {
  const few = now.recovery_codes <= FEW_CODES
  return (
    <Line
      actions={
        <>
          <Button look="danger" onClick={() => onOpen('off')}>
            {t('two_step.turn_off')}
          </Button>
          <Button onClick={() => onOpen('renew')}>{t('two_step.new_codes')}</Button>
        </>
      }
    >
      {now.since && <p className="text-t2">{t.rich('two_step.since', { ago: <Ago at={now.since} /> })}</p>}
      <p className={cx('mt-1 flex gap-2', few && 'text-warn-fg')}>
        {few && (
          <span className="pt-1">
            <Mark shape="look" family="warn" />
          </span>
        )}
        <span>
          {t.rich(few ? 'two_step.codes_few' : 'two_step.codes_left', {
            n: now.recovery_codes,
            all: ALL_CODES,
            count: (inner) => <span className="num">{inner}</span>,
          })}
        </span>
      </p>
    </Line>
  )
}

interface DialogProps {
  open: boolean
  onClose: () => void
}

/** Codes that are shown once are not lost by a key or a click beside: the first attempt only says so. */
function useKept(onClose: () => void) {
  const [showing, setShowing] = useState(false)
  const [hint, setHint] = useState<string>()
  return {
    hint,
    showing,
    show: () => setShowing(true),
    leave: () => (showing ? setHint(t('two_step.keep_first')) : onClose()),
    done: () => {
      setShowing(false)
      setHint(undefined)
      onClose()
    },
  }
}

function BeginDialog({ open, account, onClose }: DialogProps & { account: string }) {
  const { hint, showing, show, leave, done } = useKept(onClose)
  return (
    <Dialog
      open={open}
      onClose={leave}
      title={t(showing ? 'two_step.is_on' : 'two_step.begin')}
      note={t(showing ? 'two_step.ended' : 'two_step.will_end')}
    >
      {open && (
        <SecondFactorBegin
          account={account}
          cancel={<Button onClick={onClose}>{common('cancel')}</Button>}
          hint={hint}
          onCounts={show}
          onDone={done}
        />
      )}
    </Dialog>
  )
}

function RenewDialog({ open, account, onClose }: DialogProps & { account: string }) {
  const [codes, setCodes] = useState<string[]>()
  const { hint, show, leave, done } = useKept(onClose)
  return (
    <Dialog
      open={open}
      onClose={leave}
      title={t('two_step.new_codes')}
      note={t(codes ? 'two_step.codes_replaced' : 'two_step.codes_end')}
    >
      {open && !codes && (
        <SecondFactorProve
          verb={t('two_step.make_codes')}
          act={(body) => must(api.POST('/account/second-factor/recovery-codes', { body }))}
          onDone={(made) => {
            setCodes(made.codes)
            show()
            void queryClient.invalidateQueries({ queryKey: keys.secondFactor })
          }}
          onClose={onClose}
        />
      )}
      {open && codes && (
        <RecoveryCodes
          {...{ codes, account, hint }}
          onDone={() => {
            setCodes(undefined)
            done()
          }}
        />
      )}
    </Dialog>
  )
}

function OffDialog({ open, onClose }: DialogProps) {
  const router = useRouter()
  async function ended() {
    onClose()
    toast.done(t('two_step.is_off'))
    // Roles that count only with it count no longer; and where the panel wants it, nothing else works now.
    await queryClient.invalidateQueries()
    await router.invalidate()
  }
  return (
    <Dialog open={open} onClose={onClose} title={t('two_step.off_title')} note={t('two_step.off_warning')}>
      {open && (
        <SecondFactorProve
          verb={t('two_step.turn_off')}
          destroys
          act={(body) => must(api.POST('/account/second-factor/off', { body }))}
          onDone={() => void ended()}
          onClose={onClose}
        />
      )}
    </Dialog>
  )
}
