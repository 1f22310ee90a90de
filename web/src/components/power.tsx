import { useMutation } from '@tanstack/react-query'
import { Play, RotateCw, Skull, Square } from 'lucide-react'
import { useState } from 'react'
import { keys, queryClient } from '~/api/queries'
import { patchListed } from '~/api/server-lists'
import type { PowerAction, Server, ServerSummary } from '~/api/types'
import { texts } from '~/i18n/texts'
import { power } from '~/live/live'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Confirm } from '~/ui/dialog'
import { powerOff, powerWord } from '~/util/state'

const t = texts('state')

export const POWER_ICONS = { start: Play, restart: RotateCw, stop: Square, kill: Skull } as const

/** Asks for a power change. Shows the intent at once; the end state only when the fact comes. */
export function usePower(server: ServerSummary | undefined) {
  return useMutation({
    mutationFn: (action: PowerAction) => power(server?.id ?? '', action),
    onMutate: (action) => {
      const intent = { action, asked_at: new Date().toISOString() }
      const note = <T extends ServerSummary>(s: T): T => ({ ...s, intent })
      queryClient.setQueryData<Server>(keys.server(server?.id ?? ''), (s) => (s ? note(s) : s))
      patchListed(server?.id ?? '', note)
    },
    onError: (error, action) => {
      toast.error(t('power.refused', { server: server?.name ?? t('power.the_server'), action }), error)
      void queryClient.invalidateQueries({ queryKey: keys.server(server?.id ?? '') })
      void queryClient.invalidateQueries({ queryKey: keys.servers })
    },
  })
}

/** Secondary all of them; Stop in red without a fill. Kill takes Stop's place while it stops, and asks once. */
export function PowerButtons({ server, compact = false }: { server: Server; compact?: boolean }) {
  const order = usePower(server)
  const [killing, setKilling] = useState(false)
  const stopping = server.state === 'stopping'
  const last: PowerAction = stopping ? 'kill' : 'stop'
  const busy = (action: PowerAction) => order.isPending && order.variables === action
  const button = (action: PowerAction, danger = false) => (
    <Button
      look={danger ? 'danger' : 'secondary'}
      icon={POWER_ICONS[action]}
      iconOnly={compact}
      busy={busy(action)}
      off={powerOff(server, action)}
      onClick={() => (action === 'kill' ? setKilling(true) : order.mutate(action))}
    >
      {powerWord(action)}
    </Button>
  )
  const alive = ['running', 'starting', 'stopping'].includes(server.state)
  return (
    <>
      {compact ? (
        button(alive ? 'restart' : 'start')
      ) : (
        <>
          {button('start')}
          {button('restart')}
        </>
      )}
      {button(last, true)}
      <Confirm
        open={killing}
        onClose={() => setKilling(false)}
        title={t('power.kill_title', { server: server.name })}
        verb={powerWord('kill')}
        onConfirm={() => order.mutateAsync('kill')}
      >
        {t('power.kill_note')}
      </Confirm>
    </>
  )
}
