@echo off
rem Make the virtual environment .venv if it is missing, and install the project with the tested versions.
rem   scripts\setup.cmd [EXTRA]     EXTRA: dev, for the tools that the tests need
rem The second time pip finds everything in place.
setlocal
cd /d "%~dp0.."
set "EXTRA="
if not "%~1"=="" set "EXTRA=[%~1]"
if not defined PYTHON set "PYTHON=python"

"%PYTHON%" -c "import sys; sys.exit(sys.version_info < (3, 11))"
if errorlevel 1 goto no_python
if not exist .venv\Scripts\python.exe "%PYTHON%" -m venv .venv
if errorlevel 1 exit /b 1

echo installing into .venv (torch is large: the first time takes some minutes) 1>&2
rem torch first and by itself: pip then sees that it is there, and takes no other build of it
.venv\Scripts\python.exe -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
if errorlevel 1 exit /b 1
.venv\Scripts\python.exe -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".%EXTRA%"
if errorlevel 1 exit /b 1
exit /b 0

:no_python
echo error: no Python 3.11 or newer found 1>&2
echo hint: install one, or name it: set PYTHON=C:\path\to\python.exe 1>&2
exit /b 1
