import { useQuery } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { api, must } from '~/api/client'
import { keys, queryClient, secondFactorQuery } from '~/api/queries'
import type { SecondFactor } from '~/api/types'
import { SecondFactorBegin } from '~/forms/second-factor-begin'
import { SecondFactorProve } from '~/forms/second-factor-prove'
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

type Open = 'begin' | 'renew' | 'off'

/** Whether one's own sign-in takes a second step, and changing that. */
export function SecondFactorCard({ account }: { account: string }) {
  const query = useQuery(secondFactorQuery)
  const [open, setOpen] = useState<Open>()
  const now = query.data
  const close = () => setOpen(undefined)
  return (
    <Card>
      <CardHead title="Two-step sign-in">
        {now?.on && (
          <Badge family="run" shape="ok">
            On
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
    <Line actions={<Button onClick={() => onOpen('begin')}>Set up</Button>}>
      <p className="text-t2">
        Signing in then takes your password and a code that an app on your phone shows. Whoever learns the
        password alone stays out.
      </p>
      {now.wanted_by === 'role' && (
        <p className="mt-1 flex gap-2">
          <span className="pt-1">
            <Mark shape="suspended" family="warn" />
          </span>
          A role of yours counts once this is set up.
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
            Turn off
          </Button>
          <Button onClick={() => onOpen('renew')}>New recovery codes</Button>
        </>
      }
    >
      {now.since && (
        <p className="text-t2">
          Set up <Ago at={now.since} />. Signing in takes your password and a code of the app.
        </p>
      )}
      <p className={cx('mt-1 flex gap-2', few && 'text-warn-fg')}>
        {few && (
          <span className="pt-1">
            <Mark shape="look" family="warn" />
          </span>
        )}
        <span>
          <span className="num">
            {now.recovery_codes} of {ALL_CODES}
          </span>{' '}
          recovery codes left{few && '. Make new ones before you need them.'}
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
    leave: () =>
      showing ? setHint('Keep the codes first, and say so: they are not shown again.') : onClose(),
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
      title={showing ? 'Two-step sign-in is on' : 'Set up two-step sign-in'}
      note={showing ? 'All your other sessions have ended.' : 'All your other sessions end with it.'}
    >
      {open && (
        <SecondFactorBegin
          account={account}
          cancel={<Button onClick={onClose}>Cancel</Button>}
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
      title="New recovery codes"
      note={codes ? 'The earlier ones are good no longer.' : 'The ones that you have end with it.'}
    >
      {open && !codes && (
        <SecondFactorProve
          verb="Make new codes"
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
    toast.done('Two-step sign-in is off')
    // Roles that count only with it count no longer; and where the panel wants it, nothing else works now.
    await queryClient.invalidateQueries()
    await router.invalidate()
  }
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title="Turn two-step sign-in off?"
      note="Your password alone lets you in then. Roles that count only with it give nothing any more."
    >
      {open && (
        <SecondFactorProve
          verb="Turn off"
          destroys
          act={(body) => must(api.POST('/account/second-factor/off', { body }))}
          onDone={() => void ended()}
          onClose={onClose}
        />
      )}
    </Dialog>
  )
}
