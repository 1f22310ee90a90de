import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { asProblem } from '~/api/problem'
import { changePorts } from '~/api/server-ports'
import type { Server } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'
import { Segmented } from '~/ui/segmented'
import { certainPort, MOST_EXTRA, newPorts, portTrouble } from '~/util/port-rules'

export function PortAddDialog({
  server,
  open,
  onClose,
}: {
  server: Server
  open: boolean
  onClose: () => void
}) {
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title="Add a port"
      note={`For query, voice or a web map. ${server.node.name} opens it with the game’s next start.`}
    >
      {open && <PortAddForm server={server} onClose={onClose} />}
    </Dialog>
  )
}

function PortAddForm({ server, onClose }: { server: Server; onClose: () => void }) {
  const [way, setWay] = useState<'any' | 'certain'>('any')
  const [extra, setExtra] = useState('1')
  const [port, setPort] = useState('')
  const [ip, setIp] = useState('')
  const most = MOST_EXTRA + 1 - server.allocations.length
  const count = Number(extra)
  const chosen = certainPort(port)
  const add = useMutation({
    mutationFn: () =>
      changePorts(
        server,
        way === 'any' || 'wrong' in chosen
          ? { extra: count }
          : { add: [{ port: chosen.port, ...(ip ? { ip } : {}) }] },
      ),
    onSuccess: (fresh) => {
      const added = newPorts(server.allocations, fresh.allocations)
      toast.done(
        `${added.length > 1 ? 'Ports' : 'Port'} ${added.join(', ')} added`,
        server.state === 'running' ? 'The game has it from its next start on.' : undefined,
      )
      onClose()
    },
  })
  const trouble = add.error
    ? portTrouble(asProblem(add.error), { port: way === 'certain' ? port : '', ip, node: server.node.name })
    : undefined
  const errorOf = (field: string) => (trouble?.field === field ? trouble.text : undefined)
  const fits = Number.isInteger(count) && count >= 1 && count <= most
  const wanting =
    way === 'any'
      ? fits
        ? false
        : `Between 1 and ${most}`
      : port === ''
        ? 'A port is needed'
        : 'wrong' in chosen
          ? chosen.wrong
          : false
  // A refusal is said beside a field that is on screen, or else below them all.
  const shown = way === 'any' ? ['extra'] : ['port', 'ip']
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (wanting === false && !add.isPending) add.mutate()
      }}
    >
      <div>
        <Segmented
          label="Which port"
          value={way}
          choices={[
            { value: 'any', label: 'Whichever is free' },
            { value: 'certain', label: 'A certain one' },
          ]}
          onChange={(next) => {
            setWay(next)
            add.reset()
          }}
        />
      </div>
      {way === 'any' ? (
        <Field
          label="How many"
          help="From the node’s range, and from what was offered by hand"
          error={errorOf('extra') ?? (extra !== '' && !fits ? `Between 1 and ${most}` : undefined)}
        >
          {(ids) => (
            <Input
              {...ids}
              type="number"
              min={1}
              max={most}
              value={extra}
              onChange={(event) => setExtra(event.target.value)}
            />
          )}
        </Field>
      ) : (
        <div className="grid grid-cols-2 items-start gap-4 max-sm:grid-cols-1">
          <Field
            label="Port"
            error={errorOf('port') ?? (port !== '' && 'wrong' in chosen ? chosen.wrong : undefined)}
          >
            {(ids) => (
              <Input
                {...ids}
                autoFocus
                inputMode="numeric"
                value={port}
                onChange={(event) => setPort(event.target.value.trim())}
              />
            )}
          </Field>
          <Field
            label="Address on the machine"
            note="optional"
            help="Empty takes the one that it is offered on, else every address"
            error={errorOf('ip')}
          >
            {(ids) => (
              <Input
                {...ids}
                code
                value={ip}
                placeholder="0.0.0.0"
                onChange={(event) => setIp(event.target.value.trim())}
              />
            )}
          </Field>
        </div>
      )}
      {trouble && !shown.includes(trouble.field ?? '') && <FormProblem error={add.error} />}
      <DialogFoot>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" look="primary" busy={add.isPending} off={wanting}>
          {way === 'any' && count > 1 ? 'Add ports' : 'Add port'}
        </Button>
      </DialogFoot>
    </form>
  )
}
