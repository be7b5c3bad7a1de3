"""Answers to requests that name themselves.

Revision ID: 5b1f3ad27c90
Revises: dc3b50d3254e
"""

import sqlalchemy as sa
from alembic import op
from models.base import Moment

revision = '5b1f3ad27c90'
down_revision = 'dc3b50d3254e'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('answered_requests',
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('key', sa.String(length=100), nullable=False),
    sa.Column('asked_at', Moment(), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('answer', sa.JSON(), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['users.id'], name=op.f('fk_answered_requests_person_id')),
    sa.PrimaryKeyConstraint('person_id', 'key', name=op.f('pk_answered_requests'))
    )
    with op.batch_alter_table('answered_requests', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_answered_requests_asked_at'), ['asked_at'], unique=False)


def downgrade():
    with op.batch_alter_table('answered_requests', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_answered_requests_asked_at'))
    op.drop_table('answered_requests')
