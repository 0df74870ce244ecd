// Precompiled header of the tests: the standard library and GoogleTest. Every file still includes what it uses.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/pch.h"
