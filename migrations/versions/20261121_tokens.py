"""Tokens, service accounts, webhooks.

Revision ID: b7c41e0d9a52
Revises: dc3b50d3254e
"""

import sqlalchemy as sa
from alembic import op
from models.base import Moment

revision = 'b7c41e0d9a52'
down_revision = 'dc3b50d3254e'
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade():
    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.add_column(sa.Column('is_service', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table('api_tokens',
    sa.Column('id', KEY, nullable=False),
    sa.Column('person_id', KEY, nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('prefix', sa.String(length=12), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('types', sa.JSON(), nullable=False),
    sa.Column('verbs', sa.JSON(), nullable=False),
    sa.Column('family', sa.String(length=32), nullable=True),
    sa.Column('epoch', sa.Integer(), nullable=True),
    sa.Column('created_at', Moment(), nullable=False),
    sa.Column('created_by_id', KEY, nullable=True),
    sa.Column('expires_at', Moment(), nullable=True),
    sa.Column('used_at', Moment(), nullable=True),
    sa.Column('spent_at', Moment(), nullable=True),
    sa.Column('revoked_at', Moment(), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['users.id'], name=op.f('fk_api_tokens_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_tokens')),
    sa.UniqueConstraint('hash', name=op.f('uq_api_tokens_hash'))
    )
    with op.batch_alter_table('api_tokens', schema=None) as batch_op:
        batch_op.create_index('ix_api_tokens_person', ['person_id', 'kind', 'id'], unique=False)
        batch_op.create_index('ix_api_tokens_kind', ['kind', 'expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_api_tokens_family'), ['family'], unique=False)
    op.create_table('webhooks',
    sa.Column('id', KEY, nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('url', sa.String(length=500), nullable=False),
    sa.Column('types', sa.JSON(), nullable=False),
    sa.Column('events', sa.JSON(), nullable=False),
    sa.Column('states', sa.JSON(), nullable=False),
    sa.Column('account_id', KEY, nullable=False),
    sa.Column('salt', sa.String(length=64), nullable=False),
    sa.Column('is_active', sa.Boolean(), nullable=False),
    sa.Column('created_at', Moment(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['users.id'], name=op.f('fk_webhooks_account_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhooks')),
    sa.UniqueConstraint('name', name=op.f('uq_webhooks_name'))
    )
    op.create_table('webhook_deliveries',
    sa.Column('id', KEY, nullable=False),
    sa.Column('webhook_id', KEY, nullable=False),
    sa.Column('key', sa.String(length=40), nullable=False),
    sa.Column('event', sa.String(length=10), nullable=False),
    sa.Column('type', sa.String(length=60), nullable=True),
    sa.Column('record_id', KEY, nullable=True),
    sa.Column('number', sa.String(length=60), nullable=True),
    sa.Column('revision', sa.Integer(), nullable=True),
    sa.Column('move', sa.String(length=40), nullable=True),
    sa.Column('changed', sa.JSON(), nullable=False),
    sa.Column('at', Moment(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('round', sa.Integer(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('tried_at', Moment(), nullable=True),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('took_ms', sa.Integer(), nullable=True),
    sa.Column('response', sa.Text(), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['webhook_id'], ['webhooks.id'], name=op.f('fk_webhook_deliveries_webhook_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_deliveries')),
    sa.UniqueConstraint('key', name=op.f('uq_webhook_deliveries_key'))
    )
    with op.batch_alter_table('webhook_deliveries', schema=None) as batch_op:
        batch_op.create_index('ix_webhook_deliveries_log', ['webhook_id', 'id'], unique=False)
        batch_op.create_index('ix_webhook_deliveries_at', ['at'], unique=False)


def downgrade():
    op.drop_table('webhook_deliveries')
    op.drop_table('webhooks')
    op.drop_table('api_tokens')
    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.drop_column('is_service')
