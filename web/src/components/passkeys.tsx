import { useQuery } from '@tanstack/react-query'
import { Ellipsis, FingerprintPattern, Pencil, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { keys, passkeysQuery } from '~/api/queries'
import type { Passkey } from '~/api/types'
import { AddPasskeyDialog } from '~/forms/passkey-add'
import { RenamePasskeyDialog } from '~/forms/passkey-name'
import { useMedia } from '~/hooks/use-media'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Menu, MenuItem } from '~/ui/menu'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { noPasskeysText, whyNoPasskeys } from '~/util/passkey'
import { visible } from '~/util/visible'
import { CredentialRow, TakeBack } from './credentials'
import { ProblemView } from './problem-view'

const MOST = 20

/** Keys of devices and password managers that sign this account in without its password. */
export function Passkeys() {
  const list = useQuery(passkeysQuery)
  const [adding, setAdding] = useState(false)
  const [renaming, setRenaming] = useState<Passkey>()
  const [removing, setRemoving] = useState<Passkey>()
  const why = whyNoPasskeys()
  const full = (list.data?.length ?? 0) >= MOST
  const off = why ? noPasskeysText(why) : full && `${MOST} are the most: remove one first`
  return (
    <Card>
      <CardHead title="Passkeys" note={list.data?.length}>
        <Button size="sm" icon={Plus} off={off} onClick={() => setAdding(true)}>
          Add a passkey
        </Button>
      </CardHead>
      {list.isPending && <SkeletonRows rows={2} height="h-[57px]" />}
      {list.isError && (
        <div className="p-4">
          <ProblemView error={list.error} onRetry={() => void list.refetch()} />
        </div>
      )}
      {list.data?.length === 0 && (
        <Empty title="No passkey yet">
          With one, your fingerprint, your face or the lock of your device signs you in. There is nothing to
          remember, and nothing that a false page could ask you for.
        </Empty>
      )}
      <ul aria-label="Passkeys">
        {list.data?.map((passkey) => (
          <PasskeyRow
            key={passkey.id}
            passkey={passkey}
            onRename={() => setRenaming(passkey)}
            onRemove={() => setRemoving(passkey)}
          />
        ))}
      </ul>
      {why && <p className="border-t border-line px-4 py-3 text-t2">{noPasskeysText(why)}</p>}
      <AddPasskeyDialog open={adding} onClose={() => setAdding(false)} />
      <RenamePasskeyDialog passkey={renaming} onClose={() => setRenaming(undefined)} />
      <TakeBack
        item={removing}
        onClose={() => setRemoving(undefined)}
        title={`Remove ${visible(removing?.name ?? '')}?`}
        verb="Remove"
        failed="Not removed"
        list={keys.passkeys}
        take={({ id }) => must(api.DELETE('/account/passkeys/{id}', { params: { path: { id } } }))}
      >
        It signs nobody in any more. Your device or password manager may go on offering it until you delete it
        there too.
      </TakeBack>
    </Card>
  )
}

interface Acts {
  onRename: () => void
  onRemove: () => void
}

function PasskeyRow({
  passkey: { name, host, created_at, last_used_at, synced },
  ...actions
}: Acts & { passkey: Passkey }) {
  const shown = visible(name)
  return (
    <CredentialRow
      icon={FingerprintPattern}
      name={<bdi>{shown}</bdi>}
      facts={[
        synced ? 'synced' : 'on one device',
        <>
          made <Ago at={created_at} />
        </>,
        last_used_at ? (
          <>
            used <Ago at={last_used_at} />
          </>
        ) : (
          'never used'
        ),
        ...(host === location.hostname
          ? []
          : [
              <span key="host" className="whitespace-normal">
                at <span className="mono [overflow-wrap:anywhere]">{visible(host)}</span> only
              </span>,
            ]),
      ]}
      action={<Actions of={shown} {...actions} />}
    />
  )
}

/** Two buttons; on a phone a menu, for the facts need the width. */
function Actions({ of, onRename, onRemove }: Acts & { of: string }) {
  const phone = useMedia('(max-width: 639px)')
  if (phone)
    return (
      <Menu
        trigger={
          <Button look="quiet" iconOnly icon={Ellipsis} aria-label={`More of ${of}`} className="-mr-3">
            More
          </Button>
        }
      >
        <MenuItem icon={Pencil} onSelect={onRename}>
          Rename
        </MenuItem>
        <MenuItem icon={Trash2} danger onSelect={onRemove}>
          Remove
        </MenuItem>
      </Menu>
    )
  return (
    <span className="flex gap-2">
      <Button size="sm" aria-label={`Rename ${of}`} onClick={onRename}>
        Rename
      </Button>
      <Button size="sm" look="danger" aria-label={`Remove ${of}`} onClick={onRemove}>
        Remove
      </Button>
    </span>
  )
}
