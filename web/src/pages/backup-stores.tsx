import { useQuery } from '@tanstack/react-query'
import { Archive, Plus } from 'lucide-react'
import { useState } from 'react'
import { backupStoresQuery } from '~/api/backups'
import { api, must } from '~/api/client'
import { keys } from '~/api/queries'
import type { BackupStore } from '~/api/types'
import { CredentialRow, TakeBack } from '~/components/credentials'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { BackupStoreDialog } from '~/forms/backup-store-edit'
import { StoreTestDialog } from '~/forms/backup-store-test'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Card } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Empty, SkeletonRows } from '~/ui/wait'
import { bytesText } from '~/util/format'
import { visible } from '~/util/visible'

const t = texts('backup_stores')
const shell = texts('shell')

/** Places that backups are kept in. */
export function BackupStoresPage() {
  const stores = useQuery(backupStoresQuery)
  const { may } = useMay()
  const [editing, setEditing] = useState<BackupStore | 'new'>()
  const [testing, setTesting] = useState<BackupStore>()
  const [removing, setRemoving] = useState<BackupStore>()
  usePage(shell('place.backup_stores'))
  const off = {
    create: !may('backup_store.create') && t('no_right.create'),
    update: !may('backup_store.update') && t('no_right.update'),
    remove: !may('backup_store.delete') && t('no_right.delete'),
  }
  const add = (
    <Button look="primary" icon={Plus} off={off.create} onClick={() => setEditing('new')}>
      {t('new')}
    </Button>
  )
  return (
    <Page>
      <PageHead title={shell('place.backup_stores')} note={stores.data?.length}>
        {stores.data && stores.data.length > 0 && add}
      </PageHead>
      <p className="mb-4 max-w-180 text-t2">{t('note')}</p>
      {stores.isError && <ProblemView error={stores.error} onRetry={() => void stores.refetch()} />}
      {stores.isPending && (
        <Card>
          <SkeletonRows rows={3} />
        </Card>
      )}
      {stores.data && (
        <Card>
          {stores.data.length === 0 ? (
            <Empty title={t('none')} action={add}>
              {t('none_why')}
            </Empty>
          ) : (
            <ul aria-label={shell('place.backup_stores')}>
              {stores.data.map((store) => (
                <CredentialRow
                  key={store.id}
                  icon={Archive}
                  name={visible(store.name)}
                  facts={[
                    t(`kind.${store.kind}`),
                    <Where key="where" store={store} />,
                    t('fact.backups', { n: store.backups }),
                    bytesText(store.bytes),
                    ...(store.nodes.length > 0 ? [t('fact.nodes', { n: store.nodes.length })] : []),
                  ]}
                  action={
                    <div className="flex flex-wrap justify-end gap-2">
                      <Button size="sm" off={off.update} onClick={() => setTesting(store)}>
                        {t('test')}
                      </Button>
                      <Button size="sm" off={off.update} onClick={() => setEditing(store)}>
                        {t('edit')}
                      </Button>
                      <Button
                        size="sm"
                        look="danger"
                        off={off.remove || (store.backups > 0 && t('off.in_use'))}
                        onClick={() => setRemoving(store)}
                      >
                        {t('delete')}
                      </Button>
                    </div>
                  }
                />
              ))}
            </ul>
          )}
        </Card>
      )}
      <BackupStoreDialog editing={editing} onClose={() => setEditing(undefined)} />
      <StoreTestDialog store={testing} onClose={() => setTesting(undefined)} />
      <TakeBack
        item={removing}
        onClose={() => setRemoving(undefined)}
        title={t('delete.title', { name: removing?.name ?? '' })}
        verb={t('delete')}
        failed={t('delete.failed')}
        list={keys.backupStores}
        take={({ id }) =>
          must(api.DELETE('/backup-stores/{backup_store}', { params: { path: { backup_store: id } } }))
        }
      >
        {t('delete.why')}
      </TakeBack>
    </Page>
  )
}

function Where({ store }: { store: BackupStore }) {
  const where = store.kind === 's3' ? `${store.endpoint}/${store.bucket}` : store.path
  return where ? <span className="mono">{visible(where)}</span> : t('path_usual')
}
