"""The same data under the admins that other offices would be built on."""
